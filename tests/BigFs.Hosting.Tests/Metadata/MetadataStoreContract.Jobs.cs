using BigFs.Core.Metadata;
using BigFs.Core.Model;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Metadata;

internal abstract partial class MetadataStoreContract
{
    [Test]
    public async Task Totals_add_up_what_lies_below()
    {
        await Store.PutAsync("/t/f", Chunk(1), Chunk(2));
        await Store.PutAsync("/t/empty");
        await Store.PutAsync("/t/a/b/g", Chunk(3));
        await Store.MakeDirectoryAsync("/t/a/c");
        await Store.PutAsync("/other", Chunk(4));
        byte[] inline = new byte[50];
        await Store.CommitFileAsync(
            SmallFile("/t/a/inline") with { Size = 50, Content = inline, Crc32C = Core.Chunking.Crc32C.Compute(inline) }, None);

        MetadataJob job = await EndAsync(await Store.StartTotalsAsync(Guid.NewGuid(), "/t", None));

        Assert.That((job.Kind, job.State, job.Path), Is.EqualTo((MetadataJobKind.Totals, MetadataJobState.Done, (BigFsPath)"/t")));
        Assert.That(job.Totals, Is.EqualTo(new MetadataTotals(Files: 4, Directories: 3, Bytes: 350, PhysicalBytes: 650)));
        Assert.That(
            (await EndAsync(await Store.StartTotalsAsync(Guid.NewGuid(), "/other", None))).Totals,
            Is.EqualTo(new MetadataTotals(1, 0, 100, 200)));
        Assert.That(
            (await EndAsync(await Store.StartTotalsAsync(Guid.NewGuid(), "/", None))).Totals,
            Is.EqualTo(new MetadataTotals(5, 4, 450, 850)));
    }

    [Test]
    public async Task Totals_of_much_go_on_by_themselves_and_count_each_entry_once()
    {
        await Task.WhenAll(Enumerable.Range(0, 9000).Select(i => Store.PutAsync($"/t/{i % 90}/{i}", Chunk(1 + (ulong)i))));
        var operation = Guid.NewGuid();

        MetadataJob begun = await Store.StartTotalsAsync(operation, "/t", None);
        MetadataJob again = await Store.StartTotalsAsync(operation, "/t", None);
        Assert.That((begun.Id, again.Id, begun.State), Is.EqualTo((operation, operation, MetadataJobState.Running)));
        MetadataJob job = await EndAsync(begun);

        Assert.That(job.Totals, Is.EqualTo(new MetadataTotals(9000, 90, 900_000, 1_800_000)));
        Assert.That(await Store.ListJobsAsync(None), Has.One.Matches<MetadataJob>(one => one!.Id == operation));
        Assert.That(await Store.CancelJobAsync(operation, None), Is.False, "it has ended");
    }

    [Test]
    public async Task Totals_refuse_what_is_not_there_and_an_id_of_another_operation()
    {
        await Store.PutAsync("/f", Chunk(1));
        await Store.PutAsync("/d/g", Chunk(2));
        await Refused(BigFsErrorCode.NotFound, Store.StartTotalsAsync(Guid.NewGuid(), "/x", None), "/x");
        await Refused(BigFsErrorCode.NotDirectory, Store.StartTotalsAsync(Guid.NewGuid(), "/f/x", None), "\"/f\" is a file");
        await Refused(BigFsErrorCode.InvalidArgument, () => Store.StartTotalsAsync(Guid.Empty, "/", None));
        var delete = new DeleteRequest { Operation = Guid.NewGuid(), Path = "/d", Recursive = true };
        await Store.DeleteAsync(delete, None);
        await Refused(BigFsErrorCode.InvalidArgument, () => Store.StartTotalsAsync(delete.Operation, "/", None), "operation");
        Assert.That(await Store.FindJobAsync(Guid.NewGuid(), None), Is.Null);
        Assert.That(await Store.CancelJobAsync(Guid.NewGuid(), None), Is.False);
    }

    [Test]
    public async Task A_recursive_deletion_is_a_job_that_says_what_it_cleared_away()
    {
        await Task.WhenAll(Enumerable.Range(0, 700).Select(i => Store.PutAsync($"/t/{i % 7}/{i}", Chunk(1 + (ulong)i))));
        var delete = new DeleteRequest { Operation = Guid.NewGuid(), Path = "/t", Recursive = true };

        Assert.That(await Store.DeleteAsync(delete, None), Is.True);
        MetadataJob job = await EndAsync((await Store.FindJobAsync(delete.Operation, None))!);

        Assert.That((job.Kind, job.State, job.Path), Is.EqualTo((MetadataJobKind.Delete, MetadataJobState.Done, (BigFsPath)"/t")));
        Assert.That(job.Totals, Is.EqualTo(new MetadataTotals(700, 7, 70_000, 140_000)));
        Assert.That(await Store.DeleteAsync(delete, None), Is.True, "the first answer");
        Assert.That(await Store.CancelJobAsync(delete.Operation, None), Is.False);
    }

    [Test]
    public async Task Jobs_are_forgotten_after_the_retention()
    {
        MetadataJob job = await EndAsync(await Store.StartTotalsAsync(Guid.NewGuid(), "/", None));
        await UntilAsync(
            async () =>
            {
                Time.Advance(TimeSpan.FromMinutes(2));
                return await Store.FindJobAsync(job.Id, None) is null;
            },
            "the job is forgotten");
        Assert.That(Time.GetUtcNow() - job.Updated, Is.GreaterThanOrEqualTo(TimeSpan.FromHours(1)));
    }

    private async Task<MetadataJob> EndAsync(MetadataJob job)
    {
        await UntilAsync(
            async () => (job = (await Store.FindJobAsync(job.Id, None))!).State != MetadataJobState.Running, $"job {job.Id} ends");
        return job;
    }
}
