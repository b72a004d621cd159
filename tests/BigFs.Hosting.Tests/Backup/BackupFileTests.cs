using System.Formats.Tar;
using System.Security.Cryptography;
using BigFs.Core.Storage;
using BigFs.Hosting.Backup;
using BigFs.Hosting.DataNode;
using BigFs.Hosting.Tests.Persistence;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Backup;

/// <summary>Backups as files: whole or refused, and never in the place of something else.</summary>
[TestFixture]
internal sealed class BackupFileTests
{
    private static readonly byte[] Metadata = RandomNumberGenerator.GetBytes(700_001);
    private static readonly byte[] Volumes = RandomNumberGenerator.GetBytes(4096);

    private readonly IDisk _disk = DataNodeHost.DiskForThisPlatform();
    private TemporaryDirectory _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryDirectory();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [OneTimeTearDown]
    public void CloseDisk() => _disk.Dispose();

    [Test]
    public async Task What_was_written_is_read_back_and_described()
    {
        BackupManifest written = await WriteAsync();

        BackupManifest read = await ReadAsync(BackupManifest.Metadata, BackupManifest.Volumes);

        Assert.That(await File.ReadAllBytesAsync(Target(BackupManifest.Metadata)), Is.EqualTo(Metadata));
        Assert.That(await File.ReadAllBytesAsync(Target(BackupManifest.Volumes)), Is.EqualTo(Volumes));
        Assert.That(read with { Files = written.Files }, Is.EqualTo(written));
        Assert.That(read.Files, Is.EqualTo(written.Files));
        Assert.That(Directory.GetFiles(_folder.Path, "*.partial"), Is.Empty);
    }

    [Test]
    public async Task It_is_a_tar_file_that_any_tool_lists()
    {
        await WriteAsync();
        var names = new List<string>();
        await using var tar = new TarReader(File.OpenRead(Backup));
        while (await tar.GetNextEntryAsync() is { } entry)
        {
            names.Add(entry.Name);
        }

        Assert.That(names, Is.EqualTo([BackupManifest.Metadata, BackupManifest.Volumes, BackupManifest.Name]));
    }

    [Test]
    public async Task A_file_that_stands_there_is_never_replaced()
    {
        await File.WriteAllTextAsync(Backup, "mine");

        Assert.That((await RefusedAsync(() => WriteAsync())).Code, Is.EqualTo(BigFsErrorCode.AlreadyExists));

        Assert.That(await File.ReadAllTextAsync(Backup), Is.EqualTo("mine"));
        Assert.That(Directory.GetFiles(_folder.Path), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task A_copy_that_breaks_off_or_does_not_match_its_checksum_leaves_nothing([Values] bool cut)
    {
        BigFsException refusal = await RefusedAsync(() => WriteAsync(cut, badSum: !cut));

        Assert.That(refusal.Code, Is.EqualTo(cut ? BigFsErrorCode.Unavailable : BigFsErrorCode.Damaged));
        Assert.That(Directory.GetFiles(_folder.Path), Is.Empty);
    }

    [TestCase(2000)]
    [TestCase(512_000)]
    [TestCase(704_000)]
    public async Task A_backup_with_a_changed_byte_is_refused(int at)
    {
        await WriteAsync();
        byte[] bytes = await File.ReadAllBytesAsync(Backup);
        bytes[at] ^= 0x10;
        await File.WriteAllBytesAsync(Backup, bytes);

        Assert.That((await RefusedAsync(() => ReadAsync(BackupManifest.Metadata))).Code, Is.EqualTo(BigFsErrorCode.DataUnreadable));
    }

    [TestCase(0)]
    [TestCase(100)]
    [TestCase(300_000)]
    [TestCase(703_000)]
    [TestCase(708_096)]
    public async Task A_backup_that_was_cut_off_is_refused(int length)
    {
        await WriteAsync();
        await using (FileStream file = File.OpenWrite(Backup))
        {
            Assert.That(file.Length, Is.GreaterThan(length));
            file.SetLength(length);
        }

        Assert.That((await RefusedAsync(() => ReadAsync(BackupManifest.Metadata))).Code, Is.EqualTo(BigFsErrorCode.DataUnreadable));
    }

    [Test]
    public async Task A_file_that_is_no_backup_or_of_a_newer_version_is_refused()
    {
        await File.WriteAllBytesAsync(Backup, RandomNumberGenerator.GetBytes(10_000));
        Assert.That((await RefusedAsync(() => ReadAsync(BackupManifest.Metadata))).Code, Is.EqualTo(BigFsErrorCode.DataUnreadable));

        BigFsException newer = Assert.Throws<BigFsException>(
            () => BackupManifest.Parse("{\"version\": 2}"u8.ToArray(), Backup))!;
        Assert.That(newer.Message, Does.Contain("newer"));
    }

    [Test]
    public async Task What_is_asked_for_and_not_in_it_is_refused()
    {
        await WriteAsync();

        Assert.That((await RefusedAsync(() => ReadAsync("other.db"))).Message, Does.Contain("other.db"));
    }

    private string Backup => Path.Combine(_folder.Path, "backup.tar");

    private string Target(string name) => Path.Combine(_folder.Path, "out-" + name);

    private async Task<BackupManifest> WriteAsync(bool cut = false, bool badSum = false)
    {
        await using BackupWriter writer = BackupWriter.Create(_disk, Backup);
        await writer.AddAsync(BackupManifest.Metadata, PiecesAsync(Metadata, cut, badSum), default);
        await writer.AddAsync(BackupManifest.Volumes, PiecesAsync(Volumes), default);
        return await writer.CompleteAsync(
            files => new BackupManifest
            {
                Taken = new DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero),
                Cluster = Guid.NewGuid(),
                Namespace = Guid.NewGuid(),
                Generation = 3,
                Files = files,
            },
            default);
    }

    private Task<BackupManifest> ReadAsync(params string[] names) =>
        BackupReader.ExtractAsync(Backup, names.ToDictionary(name => name, Target), default);

    private static async IAsyncEnumerable<DatabasePiece> PiecesAsync(byte[] bytes, bool cut = false, bool badSum = false)
    {
        await Task.Yield();
        yield return new DatabasePiece { Length = bytes.Length };
        for (int at = 0; at < bytes.Length; at += 100_000)
        {
            yield return new DatabasePiece { Bytes = bytes.AsMemory(at, Math.Min(100_000, bytes.Length - at)) };
            if (cut && at > 200_000)
            {
                yield break;
            }
        }

        yield return new DatabasePiece { Sha256 = SHA256.HashData(badSum ? [1] : bytes) };
    }

    private static async Task<BigFsException> RefusedAsync(Func<Task> action)
    {
        try
        {
            await action();
        }
        catch (BigFsException exception)
        {
            return exception;
        }

        throw new AssertionException("Nothing was refused.");
    }
}
