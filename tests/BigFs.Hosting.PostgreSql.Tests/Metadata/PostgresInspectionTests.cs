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
