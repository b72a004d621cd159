using BigFs.Core.Chunking;
using BigFs.Internal;
using BigFs.Internal.Gateway;
using BigFs.Internal.Upload;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Sdk.Tests.Fakes;

/// <summary>
/// A gateway in memory before a <see cref="FakeCluster"/>: files appear in its own store, each identity makes one, and it breaks
/// when a test says so.
/// </summary>
internal sealed class FakeGateway : IGatewayContent
{
    private readonly Dictionary<Guid, UploadResult> _made = [];

    /// <summary>Called with the number of each try of an upload (from 1), before it is accepted.</summary>
    public Action<int>? OnBegin { get; set; }

    /// <summary>Called with the try's number and the bytes received so far, at each piece.</summary>
    public Action<int, long>? OnSend { get; set; }

    /// <summary>Called with the try's number, at the end, before the file is made and after.</summary>
    public Action<int, bool>? OnEnd { get; set; }

    /// <summary>The identities of all tries.</summary>
    public List<Guid> Operations { get; } = [];

    /// <summary>Empty pieces, which say that the caller is still there.</summary>
    public int SignsOfLife { get; private set; }

    /// <summary>How often a file was made.</summary>
    public int Made => _made.Count;

    /// <summary>Tries that were disposed of without an answer.</summary>
    public int Aborted { get; private set; }

    public Dictionary<BigFsPath, byte[]> Files { get; } = [];

    /// <summary>A broken connection.</summary>
    public static BigFsException Broken() =>
        new(BigFsErrorCode.Unavailable, "The gateway at fake:1 cannot be reached.") { Endpoint = "fake:1" };

    /// <summary>A client whose content goes through here.</summary>
    public BigFsClient Client(double stallSeconds = 30, double connectSeconds = 5)
    {
        var options = new BigFsClientOptions
        {
            StallTimeout = TimeSpan.FromSeconds(stallSeconds),
            ConnectTimeout = TimeSpan.FromSeconds(connectSeconds),
            LoggerFactory = NullLoggerFactory.Instance,
        };
        return new BigFsClient(options, new ClientSeams { FileServer = new FakeCluster().FileServer, Gateway = this });
    }

    public Task<IGatewayUpload> BeginAsync(
        UploadPlan plan, Guid operation, long? size, Action<long> acknowledged, CancellationToken cancellationToken)
    {
        Operations.Add(operation);
        OnBegin?.Invoke(Operations.Count);
        return Task.FromResult<IGatewayUpload>(new Try(this, plan, operation, Operations.Count, acknowledged, cancellationToken));
    }

    public Task<uint> ReadAsync(BigFsFile file, long position, Memory<byte> destination, CancellationToken cancellationToken) =>
        throw new NotSupportedException("Downloads are tested with a real gateway.");

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private sealed class Try(
        FakeGateway gateway, UploadPlan plan, Guid operation, int number, Action<long> acknowledged, CancellationToken cancellationToken)
        : IGatewayUpload
    {
        private readonly MemoryStream _content = new();
        private bool _answered;

        public int MostBytes => 4096;

        public Task SendAsync(ReadOnlyMemory<byte> data)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (data.IsEmpty)
            {
                gateway.SignsOfLife++;
            }

            _content.Write(data.Span);
            gateway.OnSend?.Invoke(number, _content.Length);
            acknowledged(_content.Length);
            return Task.CompletedTask;
        }

        public Task<UploadResult> EndAsync(long size, uint crc32C)
        {
            byte[] content = _content.ToArray();
            Assert.That((size, crc32C), Is.EqualTo(((long)content.Length, Crc32C.Compute(content))));
            gateway.OnEnd?.Invoke(number, false);
            if (!gateway._made.TryGetValue(operation, out UploadResult? result))
            {
                result = new UploadResult { File = new BigFsFile { Path = plan.Path, Size = size, Crc32C = crc32C } };
                gateway._made[operation] = result;
                gateway.Files[plan.Path] = content;
            }

            gateway.OnEnd?.Invoke(number, true);
            _answered = true;
            return Task.FromResult(result);
        }

        public ValueTask DisposeAsync()
        {
            gateway.Aborted += _answered ? 0 : 1;
            return ValueTask.CompletedTask;
        }
    }
}
