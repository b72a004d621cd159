using BigFs.Core.Chunking;
using BigFs.Internal.Grpc;
using BigFs.Protocol;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Content;

/// <summary>The protocol as any client of gRPC speaks it: with the generated code alone.</summary>
[CancelAfter(60_000)]
internal sealed class ContentServiceTests : SharedCluster
{
    private GrpcChannel _channel = null!;
    private BigFsClient _direct = null!;
    private int _files;

    private Protocol.Content.ContentClient Client => new(_channel);

    [OneTimeSetUp]
    public void Connect()
    {
        _channel = GrpcChannel.ForAddress(Cluster.Http);
        _direct = Cluster.Direct();
    }

    [OneTimeTearDown]
    public async Task Disconnect()
    {
        _channel.Dispose();
        await _direct.DisposeAsync();
    }

    [Test]
    public async Task Content_goes_in_and_comes_out_with_what_the_generated_code_sends([Values(0, 1, 300_000)] int length)
    {
        byte[] content = Bytes(length);
        UploadHeader header = Header();

        (List<UploadAnswer> answers, BigFsException? error) = await UploadAsync(header, content);

        Assert.That(error, Is.Null);
        Assert.That(answers[0].Accepted.Protocol, Is.EqualTo(1));
        Assert.That(answers[0].Accepted.MostDataBytes, Is.EqualTo(256 << 10));
        Assert.That(answers[1..^1].Select(answer => answer.Acknowledged), Is.Ordered.And.All.LessThanOrEqualTo(length));
        Assert.That(answers[^1].Receipt.File.File.Crc32C, Is.EqualTo(Crc32C.Compute(content)));
        (DownloadInfo info, byte[] back, DownloadEnd? end, _) = await DownloadAsync(new DownloadRequest { Protocol = 1, Path = header.Path });
        Assert.That((info.Protocol, info.Offset, info.Length, info.File.File.Size), Is.EqualTo((1u, 0L, (long)length, (long)length)));
        Assert.That(back, Is.EqualTo(content));
        Assert.That(end!.Crc32C, Is.EqualTo(Crc32C.Compute(content)));
    }

    [TestCase(0, 10)]
    [TestCase(123_456, 100_000)]
    [TestCase(299_999, 5)]
    [TestCase(300_000, 5)]
    [TestCase(400_000, 5)]
    [TestCase(5, 0)]
    [TestCase(5, null)]
    [TestCase(9, long.MaxValue)]
    public async Task A_range_is_what_lies_in_the_file(long offset, long? length)
    {
        byte[] content = Bytes(300_000);
        UploadHeader header = Header();
        header.ChunkSize = 64 << 10;
        await UploadAsync(header, content);
        var request = new DownloadRequest { Protocol = 1, Path = header.Path, Offset = offset };
        if (length is { } known)
        {
            request.Length = known;
        }

        (DownloadInfo info, byte[] back, DownloadEnd? end, _) = await DownloadAsync(request);

        int from = (int)Math.Min(offset, content.Length);
        byte[] expected = content[from..(int)Math.Min(content.Length, from + Math.Min(length ?? long.MaxValue, content.Length))];
        Assert.That(back, Is.EqualTo(expected));
        Assert.That((info.Offset, info.Length), Is.EqualTo((offset, (long)expected.Length)));
        Assert.That(end!.Crc32C, Is.EqualTo(Crc32C.Compute(expected)));
    }

    [Test]
    public async Task Another_version_of_the_protocol_is_refused_with_the_one_that_is_spoken()
    {
        UploadHeader header = Header();
        header.Protocol = 2;

        (_, BigFsException? upload) = await UploadAsync(header, Bytes(10));
        (_, _, _, BigFsException? download) = await DownloadAsync(new DownloadRequest { Protocol = 0, Path = "/a" });

        Assert.That(upload!.Code, Is.EqualTo(BigFsErrorCode.InvalidArgument));
        Assert.That(upload.Message, Does.Contain("version 2").And.Contain("version 1"));
        Assert.That(download!.Code, Is.EqualTo(BigFsErrorCode.InvalidArgument));
    }

    [TestCase("no end", BigFsErrorCode.InvalidArgument)]
    [TestCase("wrong checksum", BigFsErrorCode.Damaged)]
    [TestCase("wrong size", BigFsErrorCode.Damaged)]
    [TestCase("announced otherwise", BigFsErrorCode.Damaged)]
    [TestCase("two headers", BigFsErrorCode.InvalidArgument)]
    [TestCase("too long a message", BigFsErrorCode.InvalidArgument)]
    [TestCase("nothing at all", BigFsErrorCode.InvalidArgument)]
    [TestCase("no header", BigFsErrorCode.InvalidArgument)]
    [TestCase("no identity", BigFsErrorCode.InvalidArgument)]
    [TestCase("no path", BigFsErrorCode.InvalidPath)]
    [TestCase("a way up", BigFsErrorCode.InvalidPath)]
    public async Task What_is_no_upload_stores_nothing(string what, BigFsErrorCode code)
    {
        byte[] content = Bytes(100_000);
        UploadHeader header = Header();
        string path = header.Path;
        var data = new UploadPart { Data = ByteString.CopyFrom(content) };
        var end = new UploadPart { End = new UploadEnd { Size = content.Length, Crc32C = Crc32C.Compute(content) } };
        UploadPart[] parts = [new UploadPart { Header = header }, data, end];
        switch (what)
        {
            case "no end":
                parts = parts[..2];
                break;
            case "wrong checksum":
                end.End.Crc32C++;
                break;
            case "wrong size":
                end.End.Size++;
                break;
            case "announced otherwise":
                header.Crc32C = 1;
                break;
            case "two headers":
                parts = [parts[0], parts[0]];
                break;
            case "too long a message":
                data.Data = ByteString.CopyFrom(Bytes((256 << 10) + 1));
                break;
            case "nothing at all":
                parts = [];
                break;
            case "no header":
                parts = parts[1..];
                break;
            case "no identity":
                header.Operation = ByteString.Empty;
                break;
            case "no path":
                header.Path = "";
                break;
            default:
                header.Path = "/a/../b";
                break;
        }

        (_, BigFsException? error) = await SendAsync(parts);

        Assert.That(error?.Code, Is.EqualTo(code), error?.Message);
        Assert.That(await _direct.FindAsync(path), Is.Null);
    }

    [Test]
    public async Task The_same_identity_makes_one_file_and_gets_one_answer([Values(10, 100_000, 3 << 20)] int length)
    {
        byte[] content = Bytes(length);
        UploadHeader header = Header();

        (List<UploadAnswer> first, _) = await UploadAsync(header, content);
        await _direct.MoveAsync(header.Path, header.Path + "-moved");
        (List<UploadAnswer> again, BigFsException? error) = await UploadAsync(header, content);

        Assert.That(error, Is.Null);
        Assert.That(again[^1].Receipt.File.File.Version, Is.EqualTo(first[^1].Receipt.File.File.Version));
        Assert.That(await _direct.FindAsync(header.Path), Is.Null, "the second time made it anew");
    }

    [Test]
    public async Task A_version_that_was_never_there_is_expired_and_nothing_is_not_found()
    {
        UploadHeader header = Header();
        await UploadAsync(header, Bytes(10));

        (_, _, _, BigFsException? expired) = await DownloadAsync(new DownloadRequest { Protocol = 1, Path = header.Path, Version = 12345 });
        (_, _, _, BigFsException? nothing) = await DownloadAsync(new DownloadRequest { Protocol = 1, Path = header.Path + "-not" });

        Assert.That(expired!.Code, Is.EqualTo(BigFsErrorCode.VersionExpired));
        Assert.That(nothing!.Code, Is.EqualTo(BigFsErrorCode.NotFound));
    }

    [TestCase(-1, 5, 0)]
    [TestCase(0, -5, 0)]
    [TestCase(0, 5, -1)]
    public async Task A_range_that_is_none_is_refused(long offset, long length, long staleness)
    {
        var request = new DownloadRequest { Protocol = 1, Path = "/a", Offset = offset, Length = length, MaxStaleness = staleness };

        (_, _, _, BigFsException? error) = await DownloadAsync(request);

        Assert.That(error!.Code, Is.EqualTo(BigFsErrorCode.InvalidArgument));
    }

    private UploadHeader Header() => new()
    {
        Protocol = 1,
        Operation = Guid.NewGuid().ToProto(),
        Path = $"/protocol/{Interlocked.Increment(ref _files)}",
    };

    private Task<(List<UploadAnswer> Answers, BigFsException? Error)> UploadAsync(UploadHeader header, byte[] content) => SendAsync(
    [
        new UploadPart { Header = header },
        .. content.Chunk(100_000).Select(piece => new UploadPart { Data = ByteString.CopyFrom(piece) }),
        new UploadPart { End = new UploadEnd { Size = content.Length, Crc32C = Crc32C.Compute(content) } },
    ]);

    private async Task<(List<UploadAnswer> Answers, BigFsException? Error)> SendAsync(UploadPart[] parts)
    {
        using AsyncDuplexStreamingCall<UploadPart, UploadAnswer> call = Client.Upload();
        List<UploadAnswer> answers = [];
        try
        {
            foreach (UploadPart part in parts)
            {
                await call.RequestStream.WriteAsync(part);
            }

            await call.RequestStream.CompleteAsync();
        }
        catch (Exception exception) when (exception is RpcException or InvalidOperationException)
        {
            // The call has ended; the answers say why.
        }

        try
        {
            await foreach (UploadAnswer answer in call.ResponseStream.ReadAllAsync())
            {
                answers.Add(answer);
            }

            return (answers, null);
        }
        catch (RpcException error)
        {
            return (answers, Said(error));
        }
    }

    private async Task<(DownloadInfo Info, byte[] Data, DownloadEnd? End, BigFsException? Error)> DownloadAsync(DownloadRequest request)
    {
        using AsyncServerStreamingCall<DownloadPart> call = Client.Download(request);
        var info = new DownloadInfo();
        DownloadEnd? end = null;
        using var data = new MemoryStream();
        try
        {
            await foreach (DownloadPart part in call.ResponseStream.ReadAllAsync())
            {
                info = part.Info ?? info;
                end = part.End ?? end;
                data.Write(part.Data.Span);
            }

            return (info, data.ToArray(), end, null);
        }
        catch (RpcException error)
        {
            return (info, data.ToArray(), end, Said(error));
        }
    }

    private static BigFsException Said(RpcException error)
    {
        BigFsException? said = WireErrors.Sent(error, "gateway");
        Assert.That(said, Is.Not.Null, error.Message);
        return said!;
    }
}
