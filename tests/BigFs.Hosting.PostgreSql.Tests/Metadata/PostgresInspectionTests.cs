using System.Collections.Immutable;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.PostgreSql.Tests.Server;
using BigFs.Hosting.Tests.Metadata;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.PostgreSql.Tests.Metadata;

/// <summary>The rows as a check of the whole sees them.</summary>
[TestFixture]
internal sealed class PostgresInspectionTests
{
    [Test]
    public async Task Entries_come_in_pages_with_their_chunks_and_what_is_missing_is_said()
    {
        PostgresOptions options = await SharedServer.NewOptionsAsync();
        await using PostgresMetadataStore store = await PostgresMetadataStore.OpenAsync(
            options, TimeProvider.System, NullLogger.Instance, None);
        await store.PutAsync("/a", Chunk(1));
        await store.PutAsync("/long", Chunks(100, 70));
        byte[] content = [1, 2, 3];
        foreach (string name in (string[])["/inline", "/lost"])
        {
            await store.CommitFileAsync(
                new CommitFileRequest
                {
                    Operation = Guid.NewGuid(),
                    Path = name,
                    Size = 3,
                    Crc32C = BigFs.Core.Chunking.Crc32C.Compute(content),
                    Content = content,
                },
                None);
        }

        BigFsVersion lost = ((BigFsFile)(await store.FindAsync("/lost", false, None))!.Entry).Version;
        await (await SharedServer.GetAsync()).ExecuteAsync($"DELETE FROM {options.Schema}.contents WHERE version = {(long)lost.Value}");

        var all = new List<InspectedEntry>();
        InspectedPlace after = default;
        while (await store.InspectEntriesAsync(after, 2, None) is { Length: > 0 } page)
        {
            all.AddRange(page);
            after = page[^1].Place;
        }

        Assert.That(all.Select(entry => entry.Place.Name), Is.EqualTo(new[] { "", "a", "inline", "long", "lost" }));
        Assert.That(all[1].Chunks, Is.EqualTo([Chunk(1)]));
        Assert.That((all[2].ContentBytes, all[4].ContentBytes, all[1].ContentBytes), Is.EqualTo(((int?)3, (int?)-1, (int?)null)));
        Assert.That((all[3].Chunks.Length, all[3].HasMore), Is.EqualTo((70, true)));
        Assert.That(await store.InspectManifestAsync(all[3].Version, 60, None), Is.EqualTo(Chunks(160, 10)));
        Assert.That(await store.InspectManifestAsync(all[3].Version, 70, None), Is.Empty);
        Assert.That((await store.InspectEntryAsync(all[1].Place, None))!.Version, Is.EqualTo(all[1].Version));
        Assert.That((await store.InspectDirectoryAsync(all[0].Id!.Value, None))!.Place.Name, Is.Empty);
    }

    [Test]
    public async Task The_index_of_owners_is_read_in_pages_and_versions_are_found_where_they_are()
    {
        PostgresOptions options = await SharedServer.NewOptionsAsync();
        await using PostgresMetadataStore store = await PostgresMetadataStore.OpenAsync(
            options, TimeProvider.System, NullLogger.Instance, None);
        await store.PutAsync("/a", Chunk(1));
        await store.PutAsync("/b", Chunk(2), Chunk(3));
        await store.PutAsync("/gone", Chunk(4));
        BigFsVersion gone = await VersionAsync("/gone"), a = await VersionAsync("/a"), b = await VersionAsync("/b");
        await store.DeleteAsync(new DeleteRequest { Operation = Guid.NewGuid(), Path = "/gone" }, None);
        await (await SharedServer.GetAsync()).ExecuteAsync(
            $"INSERT INTO {options.Schema}.chunk_owners (key, version) VALUES (-1, 0), (-1, 7)");

        var all = new List<InspectedOwner>();
        while (await store.InspectOwnersAsync(all.Count == 0 ? null : all[^1], 2, None) is { Length: > 0 } page)
        {
            all.AddRange(page);
        }

        Assert.That(all, Is.EqualTo(new[]
        {
            new InspectedOwner(new ChunkKey(ulong.MaxValue), new BigFsVersion(0)),
            new InspectedOwner(new ChunkKey(ulong.MaxValue), new BigFsVersion(7)),
            new InspectedOwner(Chunk(1).Key, a),
            new InspectedOwner(Chunk(2).Key, b),
            new InspectedOwner(Chunk(3).Key, b),
            new InspectedOwner(Chunk(4).Key, gone),
        }));
        Assert.That((await store.InspectVersionAsync(b, None)).Place!.Value.Name, Is.EqualTo("b"));
        Assert.That(await store.InspectVersionAsync(gone, None), Is.EqualTo(new InspectedVersion(null, true)));
        Assert.That(await store.InspectVersionAsync(new BigFsVersion(7), None), Is.EqualTo(new InspectedVersion(null, false)));

        async Task<BigFsVersion> VersionAsync(BigFsPath path) =>
            ((BigFsFile)(await store.FindAsync(path, false, None))!.Entry).Version;
    }

    [Test]
    public async Task Sessions_and_recorded_deletions_are_counted()
    {
        await using PostgresMetadataStore store = await PostgresMetadataStore.OpenAsync(
            await SharedServer.NewOptionsAsync(), TimeProvider.System, NullLogger.Instance, None);
        UploadSession open = await store.BeginAsync("/f");
        UploadSession ended = await store.BeginAsync("/g");
        await store.AbortUploadAsync(ended.Id, Chunks(1, 3), None);

        InspectedSessions sessions = await store.InspectSessionsAsync(null, None);

        Assert.That(sessions.Open, Is.EqualTo(1), open.Id.ToString());
        Assert.That((await store.InspectSessionsAsync(sessions.Now - TimeSpan.FromHours(1), None)).Open, Is.Zero);
        Assert.That(await store.InspectTombstonesAsync(None), Is.EqualTo(new InspectedTombstones(3, 0)));
        Assert.That(await store.InspectDeadDirectoriesAsync(0, 10, None), Is.EqualTo(ImmutableArray<long>.Empty));
    }
}
