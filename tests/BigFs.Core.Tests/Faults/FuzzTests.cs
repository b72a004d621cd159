using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Core.Storage;
using BigFs.Core.Tests.Transfer;
using BigFs.Core.Transfer;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace BigFs.Core.Tests.Faults;

/// <summary>Poison for whatever reads bytes that somebody else wrote: ten minutes a target in the full form.</summary>
[TestFixture]
internal sealed class FuzzTests
{
    private const int Seeds = 32;

    [Test]
    public void The_log_reader_takes_any_file()
    {
        IEnumerable<byte[]> logs = Enumerable.Range(0, Seeds).Select(seed =>
        {
            LogStory story = LogStory.Write(StepsOf(new Random(seed)));
            return story.Log.ImageAt(story.Log.Count, null);
        });
        new Fuzzer(logs, ReadLog, LogMutation.Change).Run("log reader", Effort.Fuzzing, allowance: 8 << 20);
    }

    [Test]
    public void The_messages_reader_takes_any_bytes()
    {
        var random = new Random(Effort.Seed);
        IEnumerable<byte[]> messages =
            MessageKind.All.SelectMany(kind => Enumerable.Range(0, Seeds).Select(_ => kind.Make(random)));
        new Fuzzer(messages, ReadMessages, longest: 16 << 10).Run("messages", Effort.Fuzzing, allowance: 64 << 10);
    }

    [Test]
    public void The_capability_reader_takes_any_bytes_and_lets_none_pass_that_was_not_signed()
    {
        var kit = new CapabilityKit(new Random(Effort.Seed));
        var random = new Random(Effort.Seed);
        IEnumerable<byte[]> tokens =
            [kit.Token, .. Enumerable.Range(0, Seeds).Select(_ => new CapabilityKit(random).Token)];
        new Fuzzer(tokens, Check, longest: 2 * Capability.MaxBytes).Run("capabilities", Effort.Fuzzing, allowance: 16 << 10);

        long Check(byte[] token)
        {
            CapabilityRefusal refusal = kit.Check(token);
            Assert.That(refusal == CapabilityRefusal.None, Is.EqualTo(kit.IsUntouched(token)));
            return HashCode.Combine(refusal, token.Length / 16);
        }
    }

    [Test]
    public async Task A_server_takes_any_conversation_and_serves_the_next()
    {
        using var store = new FakeChunkStore(TransferBench.NodeOf(0), bufferBudget: 256 << 20);
        var log = new ErrorLog();
        await using var server = new TransferServer(
            store, TransferBench.VerifierOf(store.Node), TransferBench.ServerOptions, TimeProvider.System, log);
        await server.StartAsync();
        var node = new NodeAddress(store.Node, server.Endpoint);
        var random = new Random(Effort.Seed);
        IEnumerable<byte[]> valid = Enumerable.Range(0, Seeds).Select(_ => Conversation.Make(node, random));
        new Fuzzer(valid, Hold, Conversation.Change, longest: 64 << 10).Run("conversations", Effort.Fuzzing, allowance: 4 << 20);

        await using var client = new TcpChunkTransport(new TransferClientOptions(), TimeProvider.System, NullLogger.Instance);
        Assert.That(await TransferBench.ReadAbsentAsync(client, node), Is.EqualTo(ChunkStatus.ChunkNotFound));
        await TransferBench.EventuallyAsync(() => store.Buffers.BytesInUse == 0, "all buffers given back");

        long Hold(byte[] conversation)
        {
            long outcome = Conversation.Hold(node, conversation);
            Assert.That(log.First, Is.Null, "an error that no status describes");
            return outcome;
        }
    }

    private static (int Kind, int Count, int Length)[] StepsOf(Random random) =>
        [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => (random.Next(7), random.Next(1, 5), random.Next(1, 6000)))];

    private static long ReadLog(byte[] image)
    {
        LogProbe? probe;
        try
        {
            probe = LogProbe.Read(image);
        }
        catch (BigFsException newer) when (newer.Code == BigFsErrorCode.DataUnreadable)
        {
            return -1; // a format of a later version
        }

        if (probe is null)
        {
            return 0;
        }

        Assert.That(probe.End, Is.InRange(0, Math.Max(image.Length, LogFormat.PageSize)));
        foreach (FoundRecord record in probe.Records)
        {
            long end = LogFormat.TrailerOffset(record.PayloadOffset, record.Header.Length);
            if (record.PayloadOffset < LogFormat.PageSize || end > image.Length)
            {
                Assert.Fail($"a record of {record.Header.Length} bytes at {record.PayloadOffset} of {image.Length}");
            }
        }

        return HashCode.Combine(probe.Records.Count, probe.End / LogFormat.PageSize, probe.Damage?.Split(' ')[0]);
    }

    private static long ReadMessages(byte[] input)
    {
        var outcome = default(HashCode);
        foreach (MessageKind kind in MessageKind.All)
        {
            byte[]? again = kind.Again(input);
            outcome.Add(again is null ? 0 : 1 + (again.Length / 8));
            if (again is not null && kind.Again(again) is not { } stable)
            {
                Assert.Fail($"{kind} is not read again");
            }
        }

        return outcome.ToHashCode();
    }

    /// <summary>Keeps the first error that is logged.</summary>
    private sealed class ErrorLog : ILogger
    {
        public string? First { get; private set; }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Error)
            {
                First ??= formatter(state, exception) + exception;
            }
        }
    }
}
