using System.Net;
using System.Net.Sockets;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Content;

/// <summary>Bytes that change between the gateway and the caller, where nothing is encrypted: never handed over.</summary>
[CancelAfter(60_000)]
internal sealed class DamageTests : SharedCluster
{
    private const byte Mark = 0x5A;
    private const int Length = 5 << 20;

    [Test]
    public async Task A_byte_that_changes_on_the_way_is_asked_for_again([Values] bool asStream, CancellationToken deadline)
    {
        await using var relay = new Relay(Cluster.Door, damages: 1);
        byte[] content = await StoreAsync($"/damage/once-{asStream}", deadline);
        await using var client = new BigFsClient(relay.Endpoint);

        byte[] back = await ReadAsync(client, $"/damage/once-{asStream}", asStream, deadline);

        Assert.That(relay.Damaged, Is.EqualTo(1));
        Assert.That(back.AsSpan().SequenceEqual(content), Is.True);
    }

    [Test]
    public async Task Bytes_that_change_each_time_fail_the_read_and_are_not_handed_over([Values] bool asStream, CancellationToken deadline)
    {
        await using var relay = new Relay(Cluster.Door, damages: int.MaxValue);
        await StoreAsync($"/damage/always-{asStream}", deadline);
        await using var client = new BigFsClient(relay.Endpoint);

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => ReadAsync(client, $"/damage/always-{asStream}", asStream, deadline)))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.Damaged), error.Message);
        Assert.That(relay.Damaged, Is.GreaterThan(1), "it was tried again");
    }

    private async Task<byte[]> StoreAsync(string path, CancellationToken cancellationToken)
    {
        byte[] content = new byte[Length];
        Array.Fill(content, Mark);
        await using BigFsClient direct = Cluster.Direct();
        await direct.UploadAsync(path, new MemoryStream(content), null, cancellationToken);
        return content;
    }

    private static async Task<byte[]> ReadAsync(BigFsClient client, string path, bool asStream, CancellationToken cancellationToken)
    {
        using var back = new MemoryStream();
        if (asStream)
        {
            await using BigFsReadStream stream = await client.OpenReadAsync(path, null, cancellationToken);
            await stream.CopyToAsync(back, cancellationToken);
        }
        else
        {
            await client.DownloadAsync(path, back, null, cancellationToken);
        }

        return back.ToArray();
    }

    /// <summary>
    /// Between callers and a gateway; of what the gateway sends it changes a byte in the middle of a run of the content's, in each
    /// portion that has one until there were enough.
    /// </summary>
    private sealed class Relay : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource _stop = new();
        private readonly string _door;
        private readonly int _damages;
        private readonly Task _accepting;
        private int _damaged;

        public Relay(string door, int damages)
        {
            (_door, _damages) = (door, damages);
            _listener.Start();
            _accepting = AcceptAsync();
        }

        public Uri Endpoint => new($"http://{_listener.LocalEndpoint}");

        public int Damaged => Volatile.Read(ref _damaged);

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            _listener.Dispose();
            await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _stop.Dispose();
        }

        private async Task AcceptAsync()
        {
            var ways = new List<Task>();
            try
            {
                while (true)
                {
                    ways.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
                }
            }
            finally
            {
                await Task.WhenAll(ways).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        private async Task ServeAsync(TcpClient caller)
        {
            using (caller)
            using (var gateway = new TcpClient())
            {
                await gateway.ConnectAsync(IPEndPoint.Parse(_door), _stop.Token);
                NetworkStream there = gateway.GetStream(), back = caller.GetStream();
                await Task.WhenAny(back.CopyToAsync(there, _stop.Token), BackAsync(there, back));
            }
        }

        private async Task BackAsync(NetworkStream from, NetworkStream to)
        {
            byte[] portion = new byte[32 << 10];
            ReadOnlyMemory<byte> run = Enumerable.Repeat(Mark, 1000).ToArray();
            while (await from.ReadAsync(portion, _stop.Token) is > 0 and int count)
            {
                int at = portion.AsSpan(0, count).IndexOf(run.Span);
                if (at >= 0 && Damaged < _damages)
                {
                    portion[at + 500] ^= 1;
                    Interlocked.Increment(ref _damaged);
                }

                await to.WriteAsync(portion.AsMemory(0, count), _stop.Token);
            }
        }
    }
}
