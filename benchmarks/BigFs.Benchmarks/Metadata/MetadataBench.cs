using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using BigFs.Core.Chunking;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence;
using Microsoft.Extensions.Logging.Abstractions;

namespace BigFs.Benchmarks.Metadata;

/// <summary>
/// The namespace in process, beside a reference that writes the same rows by hand: <c>metadata</c> prints creates, look-ups
/// and listings, <c>metadata reads</c> without the creates, <c>metadata creates CALLERS</c> the creates alone;
/// <c>metadata growth ENTRIES</c> the same at 100,000 entries and at so many, and what large directories cost.
/// A line a figure, on a folder of its own below the temporary one, which is removed.
/// </summary>
internal static class MetadataBench
{
    private const int CreateRounds = 7;
    private static readonly TimeSpan CreateSpan = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Span = TimeSpan.FromSeconds(5);

    public static async Task<int> RunAsync(string[] arguments)
    {
        string folder = Path.Combine(Path.GetTempPath(), $"bigfs-metadata-{Guid.NewGuid():N}");
        Directory.CreateDirectory(folder);
        try
        {
            if (arguments is ["growth", { } count])
            {
                await GrowthBench.RunAsync(folder, long.Parse(count, CultureInfo.InvariantCulture));
            }
            else if (arguments is ["reads"])
            {
                await ReadsAsync(folder);
            }
            else if (arguments is ["creates", { } callers])
            {
                await SpeedAsync(folder, int.Parse(callers, CultureInfo.InvariantCulture));
            }
            else
            {
                await SpeedAsync(folder, 16);
                await SpeedAsync(folder, 128);
                await ReadsAsync(folder);
            }

            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Opens the namespace in a folder as a metadata server does.</summary>
    public static Task<SqliteMetadataStore> OpenAsync(string folder) => SqliteMetadataStore.OpenAsync(
        new SqliteMetadataOptions { DataDirectory = folder }, TimeProvider.System, NullLogger.Instance, CancellationToken.None);

    /// <summary>Prints one figure.</summary>
    public static void Print(string name, double value, string unit) => Console.WriteLine(
        string.Create(CultureInfo.InvariantCulture, $"FIGURE {name}: {value:#,0.###} {unit}"));

    /// <summary>Creates by so many callers; each makes a file of one chunk after the other. Per second.</summary>
    public static async Task<double> CreatesAsync(
        IMetadataStore store, int callers, TimeSpan span, Func<int, long, BigFsPath> path)
    {
        UploadSession session = await store.BeginSharedAsync(new BeginSharedRequest(Guid.NewGuid(), 2), CancellationToken.None);
        long done = 0;
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            for (long i = 0; clock.Elapsed < span; i++)
            {
                await store.CommitFileAsync(File(session.Id, path(caller, i), Interlocked.Increment(ref _key)), CancellationToken.None);
                Interlocked.Increment(ref done);
            }
        })));
        return done / clock.Elapsed.TotalSeconds;
    }

    /// <summary>Look-ups by one thread, per second.</summary>
    public static async Task<double> FindsAsync(
        IMetadataStore store, TimeSpan span, Func<Random, BigFsPath> path, int different = 4096)
    {
        var random = new Random(1);
        BigFsPath[] paths = [.. Enumerable.Range(0, different).Select(_ => path(random))];
        long done = 0;
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < span)
        {
            foreach (BigFsPath one in paths)
            {
                _ = await store.FindAsync(one, withManifest: false, CancellationToken.None)
                    ?? throw new InvalidOperationException($"{one} is missing.");
                done++;
            }
        }

        return done / clock.Elapsed.TotalSeconds;
    }

    /// <summary>Entries listed by one thread, per second.</summary>
    public static async Task<double> ListsAsync(IMetadataStore store, BigFsPath directory, TimeSpan span, bool recursive)
    {
        long entries = 0;
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < span)
        {
            for (string? after = ""; after is not null && clock.Elapsed < span;)
            {
                MetadataPage page = await store.ListAsync(
                    new MetadataListRequest { Directory = directory, After = after, Limit = 1000, Recursive = recursive },
                    CancellationToken.None);
                entries += page.Entries.Length;
                after = page.Next;
            }
        }

        return entries / clock.Elapsed.TotalSeconds;
    }

    private static long _key = 1L << 42;

    private static CommitFileRequest File(Guid session, BigFsPath path, long key) => new()
    {
        Operation = Guid.CreateVersion7(),
        Session = session,
        Path = path,
        Size = 4096,
        Crc32C = 7,
        Manifest = [new ChunkReference(new VolumeId(1 + (key % 8)), new ChunkKey((ulong)key), 4096, 7)],
    };

    private static async Task SpeedAsync(string folder, int callers)
    {
        Console.WriteLine("SQLite, WAL, synchronous=FULL; a create is durable: the entry, its chunk's owner, the operation's answer.");
        var references = new List<double>();
        var stores = new List<double>();
        using var batches = new BatchMeter();
        for (int round = 0; round <= CreateRounds; round++)
        {
            // The first round warms both up: what it gives is not counted. The others are short and many, for the machine
            // may be busy with other things, and both should meet the same of it.
            string place = Path.Combine(folder, $"{callers}-{round}");
            await using (await OpenAsync(place + "r"))
            {
                // Makes the tables.
            }

            if (round == 1)
            {
                batches.Clear();
            }

            references.Add(ReferenceRows.Run(place + "r", callers, CreateSpan));
            await using SqliteMetadataStore store = await OpenAsync(place + "s");
            stores.Add(await CreatesAsync(store, callers, CreateSpan, (caller, i) => $"/bench/{caller}/{i:0000000}"));
        }

        double reference = Median(references), ours = Median(stores), ratio = Median([.. stores.Zip(references, (one, other) => one / other)]);
        Print($"creates by hand, {callers} a transaction", reference, "/s");
        Print($"creates, {callers} callers", ours, "/s");
        Print($"creates a transaction, {callers} callers", batches.Mean, "");
        Print($"creates, {callers} callers, of those by hand", ratio, "x");
    }

    private static double Median(List<double> values) => values.Skip(1).Order().ElementAt(CreateRounds / 2);

    private static async Task ReadsAsync(string folder)
    {
        string listed = Path.Combine(folder, "listed");
        await using (await OpenAsync(listed))
        {
            // Makes the tables.
        }

        ReferenceRows.Fill(listed, "big", 200_000, synchronous: false);
        await using SqliteMetadataStore full = await OpenAsync(listed);
        Print("look-ups, one thread, two levels", await FindsAsync(full, Span, random => $"/big/{random.Next(200_000):0000000}"), "/s");
        Print("listed entries, one thread", await ListsAsync(full, "/big", Span, recursive: false), "/s");
        Print("listed entries, one thread, recursively", await ListsAsync(full, "/", Span, recursive: true), "/s");
    }
}
