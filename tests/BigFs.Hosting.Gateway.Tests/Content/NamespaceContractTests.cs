using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Content;

[TestFixture("direct")]
[TestFixture("gateway")]
[CancelAfter(60_000)]
internal sealed class NamespaceContractTests(string way) : ContractSuite(way)
{
    [Test]
    public async Task Entries_are_made_found_moved_and_deleted()
    {
        await Client.CreateDirectoryAsync(Here / "a" / "b");
        await PutAsync(Here / "a" / "file", Bytes(10));

        Assert.That(await Client.FindAsync(Here / "a" / "b"), Is.TypeOf<BigFsDirectory>());
        Assert.That(await Client.FindAsync(Here / "a" / "nothing"), Is.Null);
        BigFsEntry moved = await Client.MoveAsync(Here / "a" / "file", Here / "a" / "b" / "moved");
        Assert.That(moved.Path, Is.EqualTo(Here / "a" / "b" / "moved"));
        Assert.That(await GetAsync(Here / "a" / "b" / "moved"), Is.EqualTo(Bytes(10)));
        await FailsAsync(BigFsErrorCode.DirectoryNotEmpty, () => Client.DeleteAsync(Here / "a"));
        Assert.That(await Client.DeleteAsync(Here / "a", new DeleteOptions { Recursive = true }), Is.True);
        Assert.That(await Client.DeleteAsync(Here / "a"), Is.False);
    }

    [Test]
    public async Task A_version_that_is_not_there_any_more_is_not_deleted()
    {
        BigFsVersion first = (await PutAsync(Here / "file", Bytes(1))).File.Version;
        await PutAsync(Here / "file", Bytes(2));

        await FailsAsync(
            BigFsErrorCode.PreconditionFailed, () => Client.DeleteAsync(Here / "file", new DeleteOptions { Version = first }));
    }

    [Test]
    public async Task Directories_are_listed_in_order_whole_in_pages_and_below()
    {
        string[] names = [.. Enumerable.Range(0, 700).Select(i => $"file-{i:000}")];
        await Task.WhenAll(names.Select(name => PutAsync(Here / name, [])));
        await Client.CreateDirectoryAsync(Here / "zz" / "below");

        string[] listed = [.. await Client.ListAsync(Here).Select(entry => entry.Path.Name).ToArrayAsync()];
        string[] below = [.. await Client.ListAsync(Here, new ListOptions { Recursive = true, Prefix = "zz" })
            .Select(entry => entry.Path.ToString()).ToArrayAsync()];
        List<string> paged = [];
        string? token = null;
        do
        {
            BigFsPage page = await Client.ListPageAsync(Here, new ListOptions { PageSize = 300, ContinuationToken = token });
            paged.AddRange(page.Entries.Select(entry => entry.Path.Name));
            token = page.ContinuationToken;
        }
        while (token is not null);

        Assert.That(listed, Is.EqualTo(names.Append("zz")));
        Assert.That(paged, Is.EqualTo(listed));
        Assert.That(below, Is.EqualTo(new[] { $"{Here}/zz", $"{Here}/zz/below" }));
        await FailsAsync(BigFsErrorCode.NotFound, () => Client.ListPageAsync(Here / "nothing"));
    }

    [Test]
    public async Task A_directory_is_added_up()
    {
        await PutAsync(Here / "a", Bytes(1000));
        await PutAsync(Here / "b" / "c", Bytes(234));

        BigFsTotals totals = await Client.GetTotalsAsync(Here);

        Assert.That((totals.Files, totals.Directories, totals.Bytes), Is.EqualTo((2L, 1L, 1234L)));
    }

    [Test]
    public async Task Folders_go_up_and_come_down()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("bigfs-contract-");
        try
        {
            Directory.CreateDirectory(Path.Combine(folder.FullName, "up", "sub"));
            await File.WriteAllBytesAsync(Path.Combine(folder.FullName, "up", "sub", "file"), Bytes(200_000));

            IReadOnlyList<FileTransferResult> up = await Client.UploadDirectoryAsync(Here, Path.Combine(folder.FullName, "up"));
            IReadOnlyList<FileTransferResult> down = await Client.DownloadDirectoryAsync(Here, Path.Combine(folder.FullName, "down"));

            Assert.That(up.Concat(down).Select(one => one.Error), Is.All.Null);
            Assert.That(await File.ReadAllBytesAsync(Path.Combine(folder.FullName, "down", "sub", "file")), Is.EqualTo(Bytes(200_000)));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
