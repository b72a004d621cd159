using System.Buffers.Binary;
using NUnit.Framework;

namespace BigFs.Core.Tests.Faults;

/// <summary>
/// Feeds a target with mutations of valid inputs for a time. The target says what it made of an input by a number; an input
/// that gives a new number joins the corpus, which leads the search to where few inputs come. A finding is an exception,
/// an input that takes ten seconds (the machine may be busy), or one that makes the target allocate far more than it is long.
/// </summary>
internal sealed class Fuzzer
{
    private const int MostInputs = 4096;
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(10);
    private static readonly long[] Edges =
        [0, 1, 2, 7, 8, 63, 64, 127, 128, 255, 256, 4095, 4096, 65_535, 65_536, int.MaxValue, int.MinValue, -1, long.MaxValue, long.MinValue];

    private readonly Random _random;
    private readonly List<byte[]> _corpus;
    private readonly HashSet<long> _seen = [];
    private readonly Func<byte[], long> _target;
    private readonly Func<byte[], Random, byte[]>? _structured;
    private readonly int _longest;

    /// <summary>Makes a fuzzer.</summary>
    /// <param name="seeds">Valid inputs.</param>
    /// <param name="target">Takes an input; throws when it finds something wrong.</param>
    /// <param name="structured">A mutation that knows the format (mends checksums); null: none.</param>
    /// <param name="longest">Most bytes of an input.</param>
    public Fuzzer(
        IEnumerable<byte[]> seeds, Func<byte[], long> target, Func<byte[], Random, byte[]>? structured = null, int longest = 256 << 10)
    {
        _random = new Random(Effort.Seed);
        _corpus = [.. seeds];
        _target = target;
        _structured = structured;
        _longest = longest;
    }

    /// <summary>Runs for the time; fails with the input of the first finding.</summary>
    /// <param name="name">What is fuzzed.</param>
    /// <param name="time">How long.</param>
    /// <param name="allowance">Bytes that the target may allocate for any input, plus sixteen times the input's length.</param>
    public void Run(string name, TimeSpan time, long allowance)
    {
        foreach (byte[] valid in _corpus.ToList())
        {
            Try(name, valid, long.MaxValue);
        }

        long end = Environment.TickCount64 + (long)time.TotalMilliseconds;
        long inputs = 0;
        for (; inputs % 64 != 0 || Environment.TickCount64 < end; inputs++)
        {
            byte[] input = Mutate();
            if (Try(name, input, allowance + (16L * input.Length)))
            {
                Keep(input);
            }
        }

        Effort.Figure($"fuzzing {name}: {inputs} inputs in {time.TotalSeconds} s, {_seen.Count} different outcomes, 0 findings");
    }

    /// <returns>Whether the outcome is new.</returns>
    private bool Try(string name, byte[] input, long allowance)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        long began = TimeProvider.System.GetTimestamp();
        long outcome;
        try
        {
            outcome = _target(input);
        }
        catch (Exception exception)
        {
            throw new AssertionException($"{name}, seed {Effort.Seed}: {Show(input)}\n{exception}");
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        TimeSpan took = TimeProvider.System.GetElapsedTime(began);
        Assert.That(allocated, Is.LessThanOrEqualTo(allowance), $"{name}: bytes allocated for {Show(input)}");
        Assert.That(took, Is.LessThan(Slow), $"{name}: time for {Show(input)}");
        return _seen.Add(outcome);
    }

    private static string Show(byte[] input)
    {
        string file = Path.Combine(Path.GetTempPath(), "bigfs-finding.bin");
        if (input.Length > 2048)
        {
            File.WriteAllBytes(file, input);
            return file;
        }

        return Convert.ToHexString(input);
    }

    private void Keep(byte[] input)
    {
        if (_corpus.Count < MostInputs)
        {
            _corpus.Add(input);
        }
        else
        {
            _corpus[_random.Next(_corpus.Count)] = input;
        }
    }

    private byte[] Mutate()
    {
        byte[] input = [.. _corpus[_random.Next(_corpus.Count)]];
        for (int i = 1 << _random.Next(4); i > 0; i--)
        {
            input = _structured is not null && _random.Next(2) == 0 ? _structured(input, _random) : Change(input);
        }

        return input.Length > _longest ? input[.._longest] : input;
    }

    private byte[] Change(byte[] input)
    {
        if (input.Length == 0)
        {
            return [(byte)_random.Next(256)];
        }

        int at = _random.Next(input.Length);
        int length = Math.Min(1 << _random.Next(12), input.Length - at);
        switch (_random.Next(8))
        {
            case 0:
                input[at] ^= (byte)(1 << _random.Next(8));
                return input;
            case 1:
                input[at] = (byte)_random.Next(256);
                return input;
            case 2:
                Put(input, at & ~3, Edges[_random.Next(Edges.Length)] + _random.Next(-1, 2));
                return input;
            case 3:
                return input[..at];
            case 4:
                return [.. input.AsSpan(0, at), .. input.AsSpan(at + length)];
            case 5:
                return [.. input.AsSpan(0, at), .. input.AsSpan(at, length), .. input.AsSpan(at)];
            case 6:
                byte[] other = _corpus[_random.Next(_corpus.Count)];
                return [.. input.AsSpan(0, at), .. other.AsSpan(Math.Min(at, other.Length))];
            default:
                _random.NextBytes(input.AsSpan(at, Math.Min(length, 16)));
                return input;
        }
    }

    private void Put(byte[] input, int at, long value)
    {
        if (_random.Next(2) == 0 && at + sizeof(long) <= input.Length)
        {
            BinaryPrimitives.WriteInt64LittleEndian(input.AsSpan(at), value);
        }
        else if (at + sizeof(int) <= input.Length)
        {
            BinaryPrimitives.WriteInt32LittleEndian(input.AsSpan(at), (int)value);
        }
    }
}
