namespace BigFs.Cli.Tests.Scenarios;

/// <summary>
/// What a cluster acknowledged, kept outside of it. A write whose answer never came may have happened or not: both are
/// right, a mixture is not. Thread-safe.
/// </summary>
internal sealed class AcknowledgementLog
{
    private readonly Lock _lock = new();
    private readonly Dictionary<BigFsPath, State> _states = [];

    public int Acknowledged { get; private set; }

    public int Unknown { get; private set; }

    /// <summary>Notes a write before it begins.</summary>
    public void Begin(BigFsPath path, WrittenContent content)
    {
        lock (_lock)
        {
            if (!_states.TryGetValue(path, out State? state))
            {
                _states[path] = state = new State();
            }

            state.Pending.Add(content);
        }
    }

    /// <summary>Notes that a write was acknowledged: from now on it, or a later one, must be there.</summary>
    public void Acknowledge(BigFsPath path, WrittenContent content)
    {
        lock (_lock)
        {
            Acknowledged++;
            State state = _states[path];
            state.Certain = content;
            state.Pending.Clear();
        }
    }

    /// <summary>Reads everything back and checks it against what was acknowledged.</summary>
    public async Task VerifyAsync(IBigFsClient client)
    {
        foreach ((BigFsPath path, State state) in _states.OrderBy(pair => pair.Key))
        {
            WrittenContent? found = await ReadAsync(client, path);
            if (found is null)
            {
                Assert.That(state.Certain, Is.Null, $"{path} was acknowledged and is not there");
            }
            else
            {
                Assert.That(state.Pending.Append(state.Certain), Does.Contain(found), $"{path} holds what nobody wrote last");
            }

            // What was seen stays: a write of unknown outcome is decided now.
            Unknown += state.Pending.Count;
            state.Certain = found;
            state.Pending.Clear();
        }
    }

    /// <summary>Reads a file whole; null when it is not there.</summary>
    private static async Task<WrittenContent?> ReadAsync(IBigFsClient client, BigFsPath path)
    {
        if (await client.FindAsync(path) is not BigFsFile file)
        {
            return null;
        }

        await using BigFsReadStream content = await client.OpenReadAsync(path);
        return await WrittenContent.ReadAsync(content, file.Size, path.ToString());
    }

    private sealed class State
    {
        public WrittenContent? Certain { get; set; }

        public List<WrittenContent> Pending { get; } = [];
    }
}

/// <summary>Content that says in its first bytes which one it is, so that a reader can tell whether it is whole.</summary>
internal sealed record WrittenContent(long Seed, int Size)
{
    private const int Header = 16;

    /// <summary>A stream of it: seed and size, then bytes that follow from the seed.</summary>
    public Stream Open()
    {
        byte[] bytes = new byte[Header + Size];
        BitConverter.TryWriteBytes(bytes.AsSpan(0), Seed);
        BitConverter.TryWriteBytes(bytes.AsSpan(8), (long)Size);
        using var rest = new SeededContent(Seed, Size);
        rest.ReadExactly(bytes.AsSpan(Header));
        return new MemoryStream(bytes, writable: false);
    }

    /// <summary>Reads one and checks that it is whole.</summary>
    public static async Task<WrittenContent> ReadAsync(Stream content, long length, string name)
    {
        byte[] header = new byte[Header];
        await content.ReadExactlyAsync(header);
        var found = new WrittenContent(BitConverter.ToInt64(header), (int)BitConverter.ToInt64(header, 8));
        Assert.That(length, Is.EqualTo(Header + found.Size), $"{name} is of another length than its content says");
        await SeededContent.AssertEqualAsync(content, found.Seed, found.Size);
        return found;
    }
}
