using System.Collections.Concurrent;
using System.Security.Cryptography;
using BigFs.Core.Metadata;
using BigFs.Core.Model;
using BigFs.Hosting.Persistence;
using BigFs.Hosting.Tests.Metadata;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Persistence;

/// <summary>The whole namespace on a file system that is full or read-only.</summary>
[TestFixture]
[CancelAfter(120_000)]
internal sealed class SqliteDiskTests
{
    private static readonly byte[] Content = new byte[1000];

    [Test]
    public async Task On_a_full_disk_changes_are_refused_one_by_one_and_what_was_acknowledged_stays()
    {
        using var disk = new SmallDisk(mebibytes: 4);
        var acknowledged = new ConcurrentDictionary<BigFsPath, BigFsVersion>();
        var refused = new ConcurrentQueue<CommitFileRequest>();
        await using (SqliteMetadataStore store = await OpenAsync(disk.Path))
        {
            await store.PutAsync("/before", Chunk(1));
            disk.Fill(most: 2 << 20);
            await Task.WhenAll(Enumerable.Range(0, 8).Select(caller => Task.Run(async () =>
            {
                for (int i = 0; i < 10_000; i++)
                {
                    CommitFileRequest request = File($"/{caller}/{i}");
                    try
                    {
                        acknowledged[request.Path] = (await store.CommitFileAsync(request, None)).Version;
                    }
                    catch (BigFsException exception)
                    {
                        Assert.That(exception.Code, Is.EqualTo(BigFsErrorCode.OutOfSpace), exception.Message);
                        Assert.That(exception.Message, Does.Contain("nothing was changed"));
                        refused.Enqueue(request);
                        return;
                    }
                }
            })));

            Assert.That(refused, Has.Count.EqualTo(8), "the disk was full for each of them");
            Assert.That(acknowledged, Has.Count.GreaterThan(100), "and had room before");
            BigFsPath directory = await FirstRefusedAsync(store);
            Assert.That(await store.FindAsync("/before"), Is.Not.Null, "reading goes on");
            Assert.That(await store.FindAsync(directory), Is.Null);
            await VerifyAsync(store, acknowledged);

            disk.MakeRoom();
            foreach (CommitFileRequest request in refused)
            {
                acknowledged[request.Path] = (await store.CommitFileAsync(request, None)).Version;
            }

            await VerifyAsync(store, acknowledged);
        }

        await using SqliteMetadataStore again = await OpenAsync(disk.Path);
        await VerifyAsync(again, acknowledged);
        Assert.That(await again.FindAsync("/before"), Is.Not.Null);
    }

    /// <summary>What is smaller than a file may still find room: makes directories until there is none.</summary>
    private static async Task<BigFsPath> FirstRefusedAsync(SqliteMetadataStore store)
    {
        for (int i = 0; i < 10_000; i++)
        {
            BigFsPath path = $"/d{i}";
            try
            {
                await store.MakeDirectoryAsync(path);
            }
            catch (BigFsException exception)
            {
                Assert.That(exception.Code, Is.EqualTo(BigFsErrorCode.OutOfSpace), exception.Message);
                return path;
            }
        }

        throw new AssertionException("A full disk took 10,000 directories.");
    }

    [Test]
    public async Task A_namespace_that_finds_no_room_at_its_start_says_so_and_opens_when_there_is_some([Values] bool isNew)
    {
        using var disk = new SmallDisk(mebibytes: 4);
        if (!isNew)
        {
            await using SqliteMetadataStore store = await OpenAsync(disk.Path);
            await store.PutAsync("/before", Chunk(1));
        }

        disk.Fill();
        BigFsException refusal = (await Assert.ThrowsAsync<BigFsException>(() => OpenAsync(disk.Path)))!;
        Assert.That(refusal.Code, Is.EqualTo(BigFsErrorCode.OutOfSpace), refusal.Message);

        disk.MakeRoom();
        await using SqliteMetadataStore again = await OpenAsync(disk.Path);
        Assert.That(await again.FindAsync("/before"), isNew ? Is.Null : Is.Not.Null);
        await again.PutAsync("/after", Chunk(2));
    }

    [Test]
    public async Task On_a_read_only_file_system_it_is_refused_and_not_a_byte_is_changed([Values] bool isCutOff)
    {
        using var disk = new SmallDisk(mebibytes: 4);
        string folder = Path.Combine(disk.Path, "data");
        await using (SqliteMetadataStore store = await OpenAsync(folder))
        {
            await store.PutAsync("/before", Chunk(1));
            if (isCutOff)
            {
                // As after a crash: the log still holds what the database does not.
                CopyFolder(folder, Path.Combine(disk.Path, "crashed"));
            }
        }

        folder = isCutOff ? Path.Combine(disk.Path, "crashed") : folder;
        string[] before = Contents(folder);
        disk.SetReadOnly(true);
        BigFsException refusal = (await Assert.ThrowsAsync<BigFsException>(() => OpenAsync(folder)))!;
        Assert.That(refusal.Code, Is.EqualTo(BigFsErrorCode.DataReadOnly), refusal.Message);
        Assert.That(refusal.Message, Does.Contain(folder));
        Assert.That(Contents(folder), Is.EqualTo(before));

        disk.SetReadOnly(false);
        await using SqliteMetadataStore again = await OpenAsync(folder);
        Assert.That(await again.FindAsync("/before"), Is.Not.Null);
        await again.PutAsync("/after", Chunk(2));
    }

    [Test]
    public async Task A_new_namespace_on_a_read_only_file_system_is_refused()
    {
        using var disk = new SmallDisk(mebibytes: 1);
        disk.SetReadOnly(true);
        BigFsException refusal = (await Assert.ThrowsAsync<BigFsException>(() => OpenAsync(Path.Combine(disk.Path, "new"))))!;
        Assert.That(refusal.Code, Is.EqualTo(BigFsErrorCode.DataReadOnly), refusal.Message);
    }

    [Test]
    public async Task A_file_system_that_turns_read_only_under_an_open_namespace_refuses_changes_until_it_is_mounted_again()
    {
        using var disk = new FailingDisk();
        CommitFileRequest refused = File("/refused");
        var acknowledged = new ConcurrentDictionary<BigFsPath, BigFsVersion>();
        await using (SqliteMetadataStore store = await OpenAsync(disk.Path))
        {
            CommitFileRequest first = File("/first");
            acknowledged[first.Path] = (await store.CommitFileAsync(first, None)).Version;
            disk.Fail();
            Func<Task>[] changes =
            [
                () => store.CommitFileAsync(refused, None).AsTask(),
                () => store.MakeDirectoryAsync("/d").AsTask(),
                () => store.DeleteAsync("/first").AsTask(),
                () => store.CommitFileAsync(refused, None).AsTask(),
            ];
            foreach (Func<Task> change in changes)
            {
                BigFsException refusal = (await Assert.ThrowsAsync<BigFsException>(() => change()))!;
                Assert.That(refusal.Code, Is.EqualTo(BigFsErrorCode.DataReadOnly), refusal.Message);
                Assert.That(refusal.Message, Does.Contain(disk.Path).And.Contain("nothing was changed"));
            }

            await VerifyAsync(store, acknowledged);
            Assert.That((await store.FindAsync("/first"))!.Content.ToArray(), Is.EqualTo(Content), "reading goes on");
        }

        disk.Restart();
        await using SqliteMetadataStore again = await OpenAsync(disk.Path);
        await VerifyAsync(again, acknowledged);
        acknowledged[refused.Path] = (await again.CommitFileAsync(refused, None)).Version;
        Assert.That((await again.CommitFileAsync(refused, None)).Version, Is.EqualTo(acknowledged[refused.Path]), "once");
        await VerifyAsync(again, acknowledged);
    }

    private static CommitFileRequest File(BigFsPath path) => new()
    {
        Operation = Guid.NewGuid(),
        Path = path,
        Precondition = Absent,
        Size = Content.Length,
        Crc32C = BigFs.Core.Chunking.Crc32C.Compute(Content),
        Content = Content,
    };

    /// <summary>Everything acknowledged is there once under its version, and nothing else.</summary>
    private static async Task VerifyAsync(IMetadataStore store, ConcurrentDictionary<BigFsPath, BigFsVersion> acknowledged)
    {
        var found = new Dictionary<BigFsPath, BigFsVersion>();
        for (string after = ""; ;)
        {
            MetadataPage page = await store.ListAsync(
                new MetadataListRequest { Directory = "/", Recursive = true, After = after, Limit = 1000 }, None);
            foreach (BigFsFile file in page.Entries.OfType<BigFsFile>().Where(file => file.Path != "/before"))
            {
                found.Add(file.Path, file.Version);
            }

            if (page.Next is not { } next)
            {
                break;
            }

            after = next;
        }

        Assert.That(found, Is.EquivalentTo(acknowledged));
    }

    private static string[] Contents(string folder) =>
    [
        .. new DirectoryInfo(folder).GetFiles().OrderBy(file => file.Name, StringComparer.Ordinal)
            .Select(file => $"{file.Name} {Convert.ToHexString(SHA256.HashData(System.IO.File.ReadAllBytes(file.FullName)))}"),
    ];

    private static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(from).Where(file => Path.GetExtension(file) is ".db" or ".db-wal"))
        {
            using var source = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using FileStream target = System.IO.File.Create(Path.Combine(to, Path.GetFileName(file)));
            source.CopyTo(target);
        }
    }

    private static async Task<SqliteMetadataStore> OpenAsync(string folder) => await SqliteMetadataStore.OpenAsync(
        new SqliteMetadataOptions { DataDirectory = folder }, TimeProvider.System, NullLogger.Instance, None);
}
