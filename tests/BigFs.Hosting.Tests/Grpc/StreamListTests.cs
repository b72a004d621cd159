using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Grpc;
using BigFs.Hosting.MetadataServer;
using BigFs.Hosting.Persistence;
using BigFs.Internal.Grpc;
using Microsoft.Extensions.Logging.Abstractions;
using Moq;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Grpc;

/// <summary>Streamed listings, from the metadata server and through a file server.</summary>
[TestFixture]
internal sealed class StreamListTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Test]
    public async Task Every_entry_comes_once_in_order_and_whole()
    {
        await using SqliteMetadataStore store = await StoreAsync(3000);
        await using TestCluster cluster = await TestCluster.StartAsync();
        await cluster.ServeAsync(store);
        GrpcMetadataStore client = cluster.MetadataClient();

        List<BigFsEntry> listed = await ListAsync(client, new MetadataListRequest { Directory = "/d", Limit = 700 });
        List<BigFsEntry> after = await ListAsync(client, new MetadataListRequest { Directory = "/d", After = "002500", Limit = 100 });
        List<BigFsEntry> some = await ListAsync(client, new MetadataListRequest { Directory = "/d", Prefix = "0017", Limit = 10_000 });
        List<BigFsEntry> none = await ListAsync(client, new MetadataListRequest { Directory = "/d", Prefix = "x" });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(listed.Select(entry => entry.Path.Name), Is.EqualTo(Enumerable.Range(0, 3000).Select(i => $"{i:D6}")));
            Assert.That(Samples.Dump(listed[1234]), Is.EqualTo(Samples.Dump((await store.FindAsync("/d/001234", false, default))!.Entry)));
            Assert.That(after, Has.Count.EqualTo(499));
            Assert.That(some, Has.Count.EqualTo(100));
            Assert.That(none, Is.Empty);
        }
    }

    [Test]
    public async Task A_recursive_listing_is_streamed_too_and_goes_on_after_a_path()
    {
        await using SqliteMetadataStore store = await StoreAsync(0);
        string[] files = ["/d/a", "/d/b/c/e", "/d/b/c/f", "/d/b/x", "/d/z", "/other"];
        foreach (string file in files)
        {
            await store.CommitFileAsync(
                new CommitFileRequest { Operation = Guid.CreateVersion7(), Path = file, Size = 0, Crc32C = 0 }, default);
        }

        await using TestCluster cluster = await TestCluster.StartAsync();
        await cluster.ServeAsync(store);
        GrpcMetadataStore client = cluster.MetadataClient();

        List<BigFsEntry> all = await ListAsync(client, new MetadataListRequest { Directory = "/d", Recursive = true, Limit = 2 });
        List<BigFsEntry> rest = await ListAsync(client, new MetadataListRequest { Directory = "/d", Recursive = true, After = "b/c/e" });

        Assert.That(
            all.Select(entry => entry.Path.ToString()),
            Is.EqualTo(new[] { "/d/a", "/d/b", "/d/b/c", "/d/b/c/e", "/d/b/c/f", "/d/b/x", "/d/z" }));
        Assert.That(rest.Select(entry => entry.Path.ToString()), Is.EqualTo(new[] { "/d/b/c/f", "/d/b/x", "/d/z" }));
    }

    [Test]
    public async Task A_file_server_passes_on_what_was_packed_before()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        byte[] packed = PackedEntries.Pack("/d", [new BigFsDirectory { Path = "/d/a" }, new BigFsDirectory { Path = "/d/b" }], 0, 1000).Packed;
        var files = new Mock<BigFs.Core.Control.IFileServer>();
        files.Setup(f => f.StreamAsync(It.IsAny<MetadataListRequest>(), It.IsAny<CancellationToken>()))
            .Returns(Pages(EntryPage.OfPacked("/d", packed)));
        await cluster.ServeAsync(files.Object);

        List<EntryPage> pages = await cluster.FileClient().StreamAsync(new MetadataListRequest { Directory = "/d" }, default).ToListAsync();

        Assert.That(pages.Single().Pack(1).Single().ToArray(), Is.EqualTo(packed));
        Assert.That(pages.Single().Entries.Select(entry => entry.Path.ToString()), Is.EqualTo(new[] { "/d/a", "/d/b" }));
    }

    [Test]
    public async Task A_page_too_large_for_a_message_comes_in_several()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        ImmutableSortedDictionary<string, string> notes = ImmutableSortedDictionary<string, string>.Empty.Add("k", new string('v', 8000));
        ImmutableArray<BigFsEntry> entries =
            [.. Enumerable.Range(0, 500).Select(i => (BigFsEntry)new BigFsFile { Path = $"/d/{i:D3}", Metadata = notes })];
        await cluster.ServeAsync(Store((_, _) => Pages(EntryPage.Of("/d", entries))));

        List<EntryPage> pages = await cluster.MetadataClient().StreamAsync(new MetadataListRequest { Directory = "/d" }, default).ToListAsync();

        Assert.That(pages, Has.Count.EqualTo(4));
        Assert.That(pages.SelectMany(page => page.Entries).Select(entry => entry.Path), Is.EqualTo(entries.Select(entry => entry.Path)));
    }

    [Test]
    public async Task A_refusal_comes_as_it_is_before_the_first_entry_and_after_it()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        await cluster.ServeAsync(Store((request, _) => Broken(
            request.Directory == "/gone" ? 0 : 2, new BigFsException(BigFsErrorCode.NotFound, "It went away.") { Path = "/gone" })));
        GrpcMetadataStore client = cluster.MetadataClient();

        BigFsException first = await ErrorTests.FailAsync(
            client.StreamAsync(new MetadataListRequest { Directory = "/gone" }, default).ToListAsync());
        var seen = new List<EntryPage>();
        BigFsException later = await ErrorTests.FailAsync(ReadAsync(client, seen));

        using (Assert.EnterMultipleScope())
        {
            Assert.That((first.Code, first.Path), Is.EqualTo((BigFsErrorCode.NotFound, "/gone")));
            Assert.That((later.Code, later.Path, seen.Count), Is.EqualTo((BigFsErrorCode.NotFound, "/gone", 2)));
        }
    }

    [Test]
    public async Task Who_stops_reading_stops_the_store_and_who_reads_slowly_holds_it_back()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        int read = 0;
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await cluster.ServeAsync(Store((_, token) => Endless(() => Interlocked.Increment(ref read), ended, token)));
        GrpcMetadataStore client = cluster.MetadataClient();

        await using (IAsyncEnumerator<EntryPage> pages =
            client.StreamAsync(new MetadataListRequest { Directory = "/d" }, default).GetAsyncEnumerator())
        {
            Assert.That(await pages.MoveNextAsync(), Is.True);

            // What the connection takes without a reader is bounded: the store comes to rest.
            int before;
            do
            {
                before = Volatile.Read(ref read);
                await Task.Delay(200);
            }
            while (Volatile.Read(ref read) != before);

            Assert.That(before, Is.LessThan(400), "pages of 100 KiB that nobody has read");
            Assert.That(ended.Task.IsCompleted, Is.False);
        }

        await ended.Task.WaitAsync(Patience);
    }

    [Test]
    public async Task Cancellation_ends_it_at_both_ends()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await cluster.ServeAsync(Store((_, token) => Endless(() => { }, ended, token)));
        using var cancel = new CancellationTokenSource();
        int pages = 0;

        await Assert.CatchAsync<OperationCanceledException>(async () =>
        {
            await foreach (EntryPage page in cluster.MetadataClient().StreamAsync(new MetadataListRequest { Directory = "/d" }, cancel.Token))
            {
                if (++pages == 3)
                {
                    await cancel.CancelAsync();
                }
            }
        });

        await ended.Task.WaitAsync(Patience);
    }

    [Test]
    public async Task A_server_that_falls_silent_in_the_middle_is_a_time_out()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(new ControlTimeouts { Operation = TimeSpan.FromSeconds(1) });
        await cluster.ServeAsync(Store((_, token) => Broken(1, null, token)));

        BigFsException late = await ErrorTests.FailAsync(
            cluster.MetadataClient().StreamAsync(new MetadataListRequest { Directory = "/d" }, default).ToListAsync());

        Assert.That(late.Code, Is.EqualTo(BigFsErrorCode.TimedOut));
    }

    [Test]
    public async Task A_client_goes_on_through_another_file_server_after_the_last_entry_that_it_read()
    {
        await using SqliteMetadataStore store = await StoreAsync(2000);
        await using TestCluster cluster = await TestCluster.StartAsync();
        ControlListener first = await cluster.ServeAsync(Files(store), "1");
        await cluster.ServeAsync(Files(store), "2");
        await using var client = new BigFsClient(new BigFsClientOptions { Endpoint = new Uri("bigfs://" + cluster.NameServerEndpoint) });
        var names = new List<string>();

        await foreach (BigFsEntry entry in client.ListAsync("/d", new ListOptions { PageSize = 100 }))
        {
            names.Add(entry.Path.Name);
            if (names.Count == 300)
            {
                await first.DisposeAsync();
            }
        }

        Assert.That(names, Is.EqualTo(Enumerable.Range(0, 2000).Select(i => $"{i:D6}")));
    }

    private static async Task<SqliteMetadataStore> StoreAsync(int files)
    {
        SqliteMetadataStore store = await SqliteMetadataStore.OpenAsync(
            new SqliteMetadataOptions(), TimeProvider.System, NullLogger.Instance, default);
        await Task.WhenAll(Enumerable.Range(0, files).Select(i => store.CommitFileAsync(
            new CommitFileRequest { Operation = Guid.CreateVersion7(), Path = $"/d/{i:D6}", Size = 0, Crc32C = 0, ContentType = "a/b" },
            default).AsTask()));
        return store;
    }

    private static async Task<List<BigFsEntry>> ListAsync(IMetadataStore store, MetadataListRequest request) =>
        [.. (await store.StreamAsync(request, default).ToListAsync()).SelectMany(page => page.Entries)];

    private static async Task<bool> ReadAsync(IMetadataStore store, List<EntryPage> into)
    {
        await foreach (EntryPage page in store.StreamAsync(new MetadataListRequest { Directory = "/d" }, default))
        {
            into.Add(page);
        }

        return true;
    }

    private static IMetadataStore Store(Func<MetadataListRequest, CancellationToken, IAsyncEnumerable<EntryPage>> stream)
    {
        var store = new Mock<IMetadataStore>();
        store.Setup(s => s.StreamAsync(It.IsAny<MetadataListRequest>(), It.IsAny<CancellationToken>()))
            .Returns((MetadataListRequest request, CancellationToken token) => stream(request, token));
        return store.Object;
    }

    private static BigFs.Core.Control.IFileServer Files(IMetadataStore store)
    {
        var files = new Mock<BigFs.Core.Control.IFileServer>();
        files.Setup(f => f.StreamAsync(It.IsAny<MetadataListRequest>(), It.IsAny<CancellationToken>()))
            .Returns((MetadataListRequest request, CancellationToken token) => store.StreamAsync(request, token));
        return files.Object;
    }

    private static async IAsyncEnumerable<EntryPage> Pages(params EntryPage[] pages)
    {
        await Task.Yield();
        foreach (EntryPage page in pages)
        {
            yield return page;
        }
    }

    /// <summary>Some pages, and then the error, or nothing any more.</summary>
    private static async IAsyncEnumerable<EntryPage> Broken(
        int pages, Exception? error, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        for (int i = 0; i < pages; i++)
        {
            yield return EntryPage.Of("/d", [new BigFsDirectory { Path = $"/d/{i}" }]);
        }

        if (error is not null)
        {
            throw error;
        }

        await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    private static async IAsyncEnumerable<EntryPage> Endless(
        Action read, TaskCompletionSource ended, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        try
        {
            EntryPage page = EntryPage.Of("/d", [.. Enumerable.Range(0, 500).Select(i => (BigFsEntry)new BigFsDirectory
            {
                Path = $"/d/{i:D3}" + new string('n', 200),
            })]);
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                read();
                yield return page;
                await Task.Yield();
            }
        }
        finally
        {
            ended.TrySetResult();
        }
    }
}
