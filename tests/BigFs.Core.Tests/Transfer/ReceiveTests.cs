using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using BigFs.Core.Transfer;
using Microsoft.Win32.SafeHandles;
using NUnit.Framework;

namespace BigFs.Core.Tests.Transfer;

/// <summary>Blocked receives go on with the bytes that come, and not with the interval at which they look up.</summary>
[TestFixture]
internal sealed class ReceiveTests
{
    private const int Rounds = 100;
    private const int Most = FrameHeader.MaxData;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(8);

    /// <summary>Far below the interval of the time-out, a quarter of it.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);

    [Test]
    [CancelAfter(120_000)]
    [Platform("Linux")]
    public async Task Nobody_sleeps_while_bytes_are_there()
    {
        string path = Path.GetTempFileName();
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, options: FileOptions.DeleteOnClose);
        RandomAccess.Write(file, new byte[Most], 0);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var random = new Random(20260131);
        TestContext.Out.WriteLine("SEED 20260131");
        TimeSpan longest = TimeSpan.Zero;
        for (int round = 0; round < Rounds; round++)
        {
            int[] pieces = [.. Enumerable.Range(0, 8).Select(_ => random.Next(20_000, Most))];
            var client = new TcpClient();
            await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
            using var sender = new BlockingConnection(client.Client, "sender");
            using var receiver = new BlockingConnection(await listener.AcceptSocketAsync(), "receiver");
            Task sent = OnThread(() =>
            {
                Stall stall = Stall.After(Timeout, TimeProvider.System);
                sender.WakeEvery(stall.Interval);
                foreach (int length in pieces)
                {
                    sender.SendDataHeader(1, length, stall);
                    for (int offset = 0; offset < length;)
                    {
                        offset += sender.SendSome(file, offset, length - offset);
                    }
                }
            });
            Task received = OnThread(() =>
            {
                Stall stall = Stall.After(Timeout, TimeProvider.System);
                receiver.WakeEvery(stall.Interval);
                foreach (int length in pieces)
                {
                    long began = Stopwatch.GetTimestamp();
                    Assert.That(receiver.ReceiveHeader(stall).Length, Is.EqualTo(length));
                    receiver.ReceiveAll(new byte[length], stall);
                    longest = Longer(longest, Stopwatch.GetElapsedTime(began));
                }
            });
            await Task.WhenAll(sent, received);
        }

        TestContext.Out.WriteLine($"FIGURE longest_receive_milliseconds {longest.TotalMilliseconds:F1}");
        Assert.That(longest, Is.LessThan(Longest));
    }

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;

    /// <summary>Blocking calls, on a thread that is theirs.</summary>
    private static Task OnThread(Action work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
