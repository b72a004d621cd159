using System.Buffers.Binary;
using System.Text;
using BigFs.Core.Model;
using BigFs.Core.Storage;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

/// <summary>Bytes put together by hand, from docs/on-disk-format.md alone.</summary>
[TestFixture]
public sealed class LogFormatTests
{
    private const int Page = 4096;
    private static readonly byte[] Node = Convert.FromHexString("00112233445566778899aabbccddeeff");
    private static readonly byte[] Salt = Convert.FromHexString("0f1e2d3c4b5a69788796a5b4c3d2e1f0");
    private static readonly byte[] Peer = Convert.FromHexString("aaaaaaaa000000000000000000000001");
    private static readonly byte[] Hello = "hello, volume"u8.ToArray();
    private static readonly byte[] Large = StoreKit.Bytes((2 * 65_536) + 3);

    [Test]
    public async Task A_folder_made_by_hand_is_read()
    {
        using var disk = new MemoryDisk();
        await StoreKit.WriteFileAsync(disk, StoreKit.Directory + "/identity", Identity());
        await StoreKit.WriteFileAsync(disk, StoreKit.LogPath(77), Log(Node, Salt));

        await using VolumeStore store = await StoreKit.OpenAsync(disk);

        Assert.That(Convert.ToHexStringLower(Node), Is.EqualTo(store.Node.ToString()));
        Assert.That(store.Identity.Term, Is.EqualTo(5));
        Assert.That(store.Identity.CleanStart, Is.True);
        VolumeReport report = store.Volumes.Single();
        Assert.That(
            (report.Volume.Value, report.Epoch, report.State, report.Chunks, report.Bytes),
            Is.EqualTo((77L, 4L, ReplicaState.Fenced, 2L, (long)Log(Node, Salt).Length)));
        Assert.That((await store.ReadAsync(77, 0x0102030405060708)).Bytes, Same.As(Hello));
        Assert.That((await store.ReadAsync(77, 2)).Bytes, Same.As(Large));
        Assert.That((await store.ReadAsync(77, 9)).Status, Is.EqualTo(ChunkStatus.ChunkDeleted));
    }

    [Test]
    public async Task The_store_writes_the_same_bytes()
    {
        using var disk = new MemoryDisk();
        byte[] node, written;
        await using (VolumeStore store = await StoreKit.OpenAsync(disk))
        {
            node = Convert.FromHexString(store.Node.ToString());
            await store.OpenVolumeAsync(77, epoch: 3);
            await store.AppendAsync(77, 3, 0x0102030405060708, Hello);
            await store.AppendAsync(77, 3, 2, Large);
            await store.DeleteAsync(77, 9);
            await store.FenceAsync(77, 4);
            written = await StoreKit.ReadFileAsync(disk, StoreKit.LogPath(77));
        }

        Assert.That(written, Same.As(Log(node, written[40..56])));
    }

    private static byte[] Identity()
    {
        string lines = $"bigfs-datanode 2\nnode {Convert.ToHexStringLower(Node)}\ncluster none\nterm 5\ngeneration 0\nclean yes\n";
        return Encoding.UTF8.GetBytes($"{lines}crc32c {Crc(Encoding.UTF8.GetBytes(lines)):x8}\n");
    }

    private static byte[] Log(byte[] node, byte[] salt)
    {
        byte[][] members = [.. new[] { node, Peer }.OrderBy(Convert.ToHexString, StringComparer.Ordinal)];
        byte[] open = [1, 0, 0, 0, 2, 0, 0, 0, .. members[0], .. members[1]];
        byte[] fenced = [2, 0, 0, 0, 2, 0, 0, 0, .. members[0], .. members[1]];
        byte[] trailer =
        [
            .. Little(Crc(Large[..65_536])), .. Little(Crc(Large[65_536..131_072])), .. Little(Crc(Large[131_072..])),
            0, 0, 0, 0,
        ];
        var log = new List<byte>(Superblock(node, salt));
        Batch(log, salt, 1, 1, Page, 3, 3, open, 128, []);
        Batch(log, salt, 2, 2, 2 * Page, 1, 0x0102030405060708, Hello, 128, [0, 0, 0, .. Little(Crc(Hello)), 0, 0, 0, 0]);
        Batch(log, salt, 2, 3, 3 * Page, 1, 2, Large, Page, [0, 0, 0, 0, 0, .. trailer]);
        Batch(log, salt, 2, 4, 37 * Page, 2, 9, [], 128, []);
        Batch(log, salt, 2, 5, 38 * Page, 3, 4, fenced, 128, []);
        return [.. log];
    }

    private static byte[] Superblock(byte[] node, byte[] salt)
    {
        var page = new byte[Page];
        "BIGFSVOL"u8.CopyTo(page);
        page[8] = 1;
        page[16] = 77;
        node.CopyTo(page, 24);
        salt.CopyTo(page, 40);
        BinaryPrimitives.WriteInt64LittleEndian(page.AsSpan(56), StoreKit.Now.ToUnixTimeMilliseconds());
        Little(Crc(page[..4092])).CopyTo(page, 4092);
        return page;
    }

    /// <summary>Adds a batch of one record, flushed alone: its durable offset is where it begins.</summary>
    private static void Batch(
        List<byte> log, byte[] salt, long incarnation, long sequence, long offset, int kind, ulong key, byte[] payload,
        int payloadAt, byte[] behind)
    {
        Assert.That(log, Has.Count.EqualTo(offset), "the batch stands where it says");
        var batch = new byte[(payloadAt + payload.Length + behind.Length + Page - 1) / Page * Page];
        Span<byte> header = batch.AsSpan(0, 64);
        "BFSB"u8.CopyTo(header);
        header[4] = 1;
        BinaryPrimitives.WriteInt64LittleEndian(header[8..], incarnation);
        BinaryPrimitives.WriteInt64LittleEndian(header[16..], sequence);
        BinaryPrimitives.WriteInt64LittleEndian(header[24..], offset);
        BinaryPrimitives.WriteInt64LittleEndian(header[32..], offset);
        BinaryPrimitives.WriteInt32LittleEndian(header[40..], batch.Length);
        Little(Crc([.. salt, .. header[..60]])).CopyTo(header[60..]);
        Span<byte> record = batch.AsSpan(64, 64);
        "BFSR"u8.CopyTo(record);
        record[4] = (byte)kind;
        BinaryPrimitives.WriteUInt64LittleEndian(record[8..], key);
        BinaryPrimitives.WriteInt32LittleEndian(record[16..], payload.Length);
        Little(Crc(payload)).CopyTo(record[20..]);
        BinaryPrimitives.WriteInt32LittleEndian(record[24..], payloadAt);
        BinaryPrimitives.WriteInt64LittleEndian(record[32..], sequence);
        Little(Crc([.. salt, .. record[..60]])).CopyTo(record[60..]);
        payload.CopyTo(batch, payloadAt);
        behind.CopyTo(batch, payloadAt + payload.Length);
        log.AddRange(batch);
    }

    private static byte[] Little(uint value) =>
        [(byte)value, (byte)(value >> 8), (byte)(value >> 16), (byte)(value >> 24)];

    private static uint Crc(byte[] bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte one in bytes)
        {
            crc ^= one;
            for (int i = 0; i < 8; i++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
            }
        }

        return ~crc;
    }
}
