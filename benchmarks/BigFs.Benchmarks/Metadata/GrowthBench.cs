using System.Diagnostics;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence;
using static BigFs.Benchmarks.Metadata.MetadataBench;

namespace BigFs.Benchmarks.Metadata;

/// <summary>The namespace small and large: one directory with a tenth of all entries, the others with 1,000 each.</summary>
internal static class GrowthBench
{
    private const int Small = 100_000;
    private const int PerDirectory = 1000;
    private const int Rounds = 3;

    private static readonly TimeSpan Span = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    private static readonly string[] Rows =
    [
        "creates, 128 callers, random places",
        "look-ups, one thread, 4,096 that come again",
        "look-ups, one thread, 300,000 at random",
        "pages of 100 entries, one thread, random places",
    ];

    public static async Task RunAsync(string folder, long entries)
    {
        string large = Path.Combine(folder, "large");
        var clock = Stopwatch.StartNew();
        await FillAsync(large, entries);
        Print($"{entries:N0} entries made in", clock.Elapsed.TotalSeconds, "s");
        var ratios = new List<double[]>();
        await using (SqliteMetadataStore many = await OpenAsync(large))
        {
            for (int round = 1; round <= Rounds; round++)
            {
                // In turns, for the machine may be busy with other things. The large one stays open, as in a server that runs;
                // the small one is made anew, for creates make it grow.
                string small = Path.Combine(folder, $"small{round}");
                await FillAsync(small, Small);
                double[] ofFew;
                await using (SqliteMetadataStore few = await OpenAsync(small))
                {
                    ofFew = await MeasureAsync(few, Small);
                }

                double[] ofMany = await MeasureAsync(many, entries);
                ratios.Add([.. ofMany.Zip(ofFew, (one, other) => one / other)]);
            }
        }

        for (int row = 0; row < Rows.Length; row++)
        {
            double[] inOrder = [.. ratios.Select(ratio => ratio[row]).Order()];
            Print($"{Rows[row]}, {entries:N0} of {Small:N0}, median of {Rounds} rounds", inOrder[Rounds / 2], "x");
        }

        await LargeDirectoryAsync(large, entries / 10);
    }

    private static async Task FillAsync(string place, long entries)
    {
        await using (await OpenAsync(place))
        {
            // Makes the tables.
        }

        ReferenceRows.Fill(
            place,
            Enumerable.Range(0, Directories(entries)).Select(i => ($"d{i:00000}", (long)PerDirectory)).Prepend(("big", entries / 10)),
            synchronous: false);
    }

    private static int Directories(long entries) => (int)((entries - (entries / 10)) / PerDirectory);

    private static async Task<double[]> MeasureAsync(SqliteMetadataStore store, long entries)
    {
        int directories = Directories(entries);
        BigFsPath Any(Random random) => $"/d{random.Next(directories):00000}/{random.Next(PerDirectory):0000000}";
        BigFsPath New(int caller, long i) => $"/d{Random.Shared.Next(directories):00000}/n{Random.Shared.NextInt64():x16}";
        GC.Collect();
        await CreatesAsync(store, 128, WarmUp, New);
        double[] figures =
        [
            await CreatesAsync(store, 128, Span, New),
            await FindsAsync(store, Span, Any),
            await FindsAsync(store, Span, Any, different: 300_000),
            await PagesAsync(store, Span, directories),
        ];
        for (int row = 0; row < Rows.Length; row++)
        {
            Print($"{Rows[row]}, at {entries:N0}", figures[row], "/s");
        }

        Print($"resident at {entries:N0}", Resident(), "MiB");
        return figures;
    }

    private static async Task<double> PagesAsync(SqliteMetadataStore store, TimeSpan span, int directories)
    {
        var random = new Random(2);
        long done = 0;
        var clock = Stopwatch.StartNew();
        for (; clock.Elapsed < span; done++)
        {
            MetadataPage page = await store.ListAsync(
                new MetadataListRequest
                {
                    Directory = $"/d{random.Next(directories):00000}",
                    After = random.Next(PerDirectory - 100).ToString("0000000", null),
                    Limit = 100,
                },
                CancellationToken.None);
            if (page.Entries.Length != 100)
            {
                throw new InvalidOperationException("A page is short.");
            }
        }

        return done / clock.Elapsed.TotalSeconds;
    }

    private static async Task LargeDirectoryAsync(string place, long entries)
    {
        await using SqliteMetadataStore store = await OpenAsync(place);
        var clock = Stopwatch.StartNew();
        await store.ListAsync(new MetadataListRequest { Directory = "/big" }, CancellationToken.None);
        Print($"first page of a directory of {entries:N0}, cold", clock.Elapsed.TotalMilliseconds, "ms");
        clock.Restart();
        await store.MoveAsync(
            new MoveRequest { Operation = Guid.NewGuid(), Source = "/big", Destination = "/x/moved" }, CancellationToken.None);
        Print($"moving a directory of {entries:N0}", clock.Elapsed.TotalMilliseconds, "ms");
        clock.Restart();
        MetadataJob totals = await EndAsync(store, (await store.StartTotalsAsync(Guid.NewGuid(), "/x", CancellationToken.None)).Id);
        Print($"adding up a directory of {totals.Totals.Files:N0}", clock.Elapsed.TotalSeconds, "s");
        (double before, _) = await OthersAsync(store, Task.Delay(TimeSpan.FromSeconds(5)));
        Print("others' p99, 8 callers, nothing else", before, "ms");
        var delete = new DeleteRequest { Operation = Guid.NewGuid(), Path = "/x/moved", Recursive = true };
        clock.Restart();
        await store.DeleteAsync(delete, CancellationToken.None);
        Print($"deletion of {entries:N0} out of sight after", clock.Elapsed.TotalMilliseconds, "ms");
        Task<MetadataJob> end = EndAsync(store, delete.Operation);
        (double during, double most) = await OthersAsync(store, end);
        Print($"deletion of {entries:N0} cleared away after", clock.Elapsed.TotalSeconds, "s");
        Print("others' p99, 8 callers, meanwhile", during, "ms");
        Print("others' longest meanwhile", most, "ms");
        Print("resident at the end", Resident(), "MiB");
        Print("log", new FileInfo(Path.Combine(place, "metadata.db-wal")).Length / 1048576.0, "MiB");
    }

    private static async Task<MetadataJob> EndAsync(SqliteMetadataStore store, Guid job)
    {
        while (true)
        {
            MetadataJob found = (await store.FindJobAsync(job, CancellationToken.None))!;
            if (found.State != MetadataJobState.Running)
            {
                return found;
            }

            await Task.Delay(20);
        }
    }

    /// <summary>Creates and look-ups by 8 callers until the task ends: their 99th percentile and the longest, in ms.</summary>
    private static async Task<(double P99, double Most)> OthersAsync(SqliteMetadataStore store, Task until)
    {
        var latencies = new List<double>();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(caller => Task.Run(async () =>
        {
            var own = new List<double>();
            for (long i = 0; !until.IsCompleted; i++)
            {
                BigFsPath path = $"/others/{caller}/{Guid.NewGuid():N}";
                long begun = Stopwatch.GetTimestamp();
                await store.CommitFileAsync(
                    new CommitFileRequest { Operation = Guid.CreateVersion7(), Path = path, Size = 0, Crc32C = 0 },
                    CancellationToken.None);
                own.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
                begun = Stopwatch.GetTimestamp();
                await store.FindAsync(path, withManifest: true, CancellationToken.None);
                own.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
            }

            lock (latencies)
            {
                latencies.AddRange(own);
            }
        })));
        latencies.Sort();
        return (latencies[(int)(latencies.Count * 0.99)], latencies[^1]);
    }

    private static double Resident()
    {
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64 / 1048576.0;
    }
}
