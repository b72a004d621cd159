using BigFs.Core.Model;
using BigFs.Core.Storage;
using NUnit.Framework;

namespace BigFs.Core.Tests.Storage;

[TestFixture]
public sealed class ChunkBufferPoolTests
{
    private static readonly long SmallestBudget = ChunkBuffer.CapacityFor(Limits.MaxChunkSize);

    [Test]
    public async Task Every_length_gets_room_for_head_payload_and_trailer_on_whole_pages()
    {
        using var pool = new ChunkBufferPool(SmallestBudget);
        int[] around = [0, 1, 4096, 64 << 10, 1 << 20, 5 << 20, 8 << 20, 48 << 20, 64 << 20];
        foreach (int length in around.SelectMany(edge => new[] { edge - 1, edge, edge + 1 }))
        {
            if (length is < 0 or > Limits.MaxChunkSize)
            {
                continue;
            }

            using ChunkBuffer buffer = await pool.RentAsync(length, default);
            int blocks = (length + Limits.BlockSize - 1) / Limits.BlockSize;
            int trailerAt = (ChunkBuffer.HeadLength + length + 7) / 8 * 8;
            Assert.That(buffer.Payload.Length, Is.EqualTo(length));
            Assert.That(buffer.Capacity, Is.GreaterThanOrEqualTo(trailerAt + (4 * blocks)), $"{length}");
            Assert.That(buffer.Capacity % ChunkBuffer.Alignment, Is.Zero);
            Assert.That(pool.BytesInUse, Is.LessThanOrEqualTo(SmallestBudget), "a smallest pool holds the largest chunk");
        }
    }

    [Test]
    public void Every_length_fits_the_capacity_that_is_stated_for_it()
    {
        for (int length = 0; length <= Limits.MaxChunkSize; length += length < 200_000 ? 1 : 4093)
        {
            int trailerAt = (ChunkBuffer.HeadLength + length + 7) / 8 * 8;
            int needed = trailerAt + (4 * ((length + Limits.BlockSize - 1) / Limits.BlockSize));
            if (ChunkBuffer.CapacityFor(length) < needed)
            {
                Assert.Fail($"{length} bytes need {needed}, not {ChunkBuffer.CapacityFor(length)}.");
            }
        }
    }

    [Test]
    public async Task Memory_begins_on_a_page_and_outlives_a_write_of_all_of_it()
    {
        using var pool = new ChunkBufferPool(SmallestBudget);
        using ChunkBuffer buffer = await pool.RentAsync(100_000, default);
        buffer.GetSpan().Fill(7);

        using System.Buffers.MemoryHandle pin = buffer.Memory.Pin();
        nint address;
        unsafe
        {
            address = (nint)pin.Pointer;
        }

        Assert.That(address % ChunkBuffer.Alignment, Is.EqualTo((nint)0));
        Assert.That(buffer.Payload.Span.IndexOfAnyExcept((byte)7), Is.EqualTo(-1));
    }

    [Test]
    public async Task Who_asks_for_more_than_the_budget_waits_in_turn()
    {
        using var pool = new ChunkBufferPool(SmallestBudget);
        ChunkBuffer all = await pool.RentAsync(Limits.MaxChunkSize, default);
        Task<ChunkBuffer> large = pool.RentAsync(Limits.MaxChunkSize, default).AsTask();
        Task<ChunkBuffer> small = pool.RentAsync(1, default).AsTask();
        Assert.That((large.IsCompleted, small.IsCompleted), Is.EqualTo((false, false)));

        all.Dispose();
        ChunkBuffer second = await large.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.That(small.IsCompleted, Is.False, "the small one does not overtake, and there is no room beside the large");
        second.Dispose();
        (await small.WaitAsync(TimeSpan.FromSeconds(10))).Dispose();

        Assert.That(pool.BytesInUse, Is.Zero);
    }

    [Test]
    public async Task A_cancelled_wait_ends_and_lets_the_next_in_line_through()
    {
        using var pool = new ChunkBufferPool(SmallestBudget);
        using var cancellation = new CancellationTokenSource();
        ChunkBuffer most = await pool.RentAsync(32 << 20, default);
        Task<ChunkBuffer> tooLarge = pool.RentAsync(Limits.MaxChunkSize, cancellation.Token).AsTask();
        Task<ChunkBuffer> fits = pool.RentAsync(1, default).AsTask();

        await cancellation.CancelAsync();

        Assert.That(async () => await tooLarge, Throws.InstanceOf<OperationCanceledException>());
        (await fits.WaitAsync(TimeSpan.FromSeconds(10))).Dispose();
        most.Dispose();
        Assert.That(pool.BytesInUse, Is.Zero);
    }

    [Test]
    public async Task A_buffer_given_back_twice_counts_once_and_cannot_be_used()
    {
        using var pool = new ChunkBufferPool(SmallestBudget);
        ChunkBuffer buffer = await pool.RentAsync(1000, default);
        ChunkBuffer other = await pool.RentAsync(1000, default);

        buffer.Dispose();
        buffer.Dispose();

        Assert.That(pool.BytesInUse, Is.EqualTo(other.Capacity));
        Assert.That(() => buffer.GetSpan().Length, Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => buffer.Pin(), Throws.InstanceOf<ObjectDisposedException>());
        other.Dispose();
    }

    [Test]
    public async Task A_closed_pool_ends_the_waits_and_takes_its_buffers_back()
    {
        var pool = new ChunkBufferPool(SmallestBudget);
        ChunkBuffer rented = await pool.RentAsync(Limits.MaxChunkSize, default);
        Task<ChunkBuffer> waiting = pool.RentAsync(1, default).AsTask();

        pool.Dispose();
        rented.Dispose();
        pool.Dispose();

        Assert.That(async () => await waiting, Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(async () => await pool.RentAsync(1, default), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(pool.BytesInUse, Is.Zero);
    }

    [Test]
    public void Lengths_and_budgets_out_of_range_are_refused()
    {
        using var pool = new ChunkBufferPool(SmallestBudget);
        Assert.That(() => new ChunkBufferPool(SmallestBudget - 1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(async () => await pool.RentAsync(-1, default), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(
            async () => await pool.RentAsync(Limits.MaxChunkSize + 1, default),
            Throws.InstanceOf<ArgumentOutOfRangeException>());
    }
}
