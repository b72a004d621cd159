using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using BigFs.Core.Model;

namespace BigFs.Core.Storage;

/// <summary>
/// Bounded supply of <see cref="ChunkBuffer"/>s: who asks for more than the budget waits, which is how a datanode pushes
/// back on its writers. Thread-safe.
/// </summary>
public sealed class ChunkBufferPool : IDisposable
{
    private readonly Lock _lock = new();
    private readonly long _budget;
    private readonly LinkedList<Waiter> _waiters = new();
    private readonly Dictionary<int, Stack<ChunkBuffer>> _idle = [];
    private long _inUse;
    private long _idleBytes;
    private bool _disposed;

    /// <summary>Makes a pool.</summary>
    /// <param name="budgetBytes">Most bytes rented at once; at least one largest chunk's worth.</param>
    /// <exception cref="ArgumentOutOfRangeException">The budget holds no chunk of <see cref="Limits.MaxChunkSize"/>.</exception>
    public ChunkBufferPool(long budgetBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(budgetBytes, ChunkBuffer.CapacityFor(Limits.MaxChunkSize));
        _budget = budgetBytes;
    }

    /// <summary>Bytes rented now.</summary>
    internal long BytesInUse
    {
        get
        {
            lock (_lock)
            {
                return _inUse;
            }
        }
    }

    /// <summary>Rents a buffer for a payload if the budget has room and nobody waits.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative or above the largest chunk.</exception>
    internal bool TryRent(int payloadLength, [NotNullWhen(true)] out ChunkBuffer? buffer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(payloadLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payloadLength, Limits.MaxChunkSize);
        int capacity = CapacityFor(payloadLength);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            buffer = _waiters.Count == 0 && _inUse + capacity <= _budget ? TakeNeedsLock(capacity, payloadLength) : null;
            return buffer is not null;
        }
    }

    /// <summary>Rents a buffer for a payload, waiting (first come, first served) while the budget is used up.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative or above the largest chunk.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled while waiting.</exception>
    public async ValueTask<ChunkBuffer> RentAsync(int payloadLength, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(payloadLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payloadLength, Limits.MaxChunkSize);
        int capacity = CapacityFor(payloadLength);
        Waiter waiter;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_waiters.Count == 0 && _inUse + capacity <= _budget)
            {
                return TakeNeedsLock(capacity, payloadLength);
            }

            waiter = new Waiter(capacity, payloadLength);
            waiter.Node = _waiters.AddLast(waiter);
        }

        await using CancellationTokenRegistration registration = cancellationToken.Register(
            static (state, token) =>
            {
                var (pool, waiting) = ((ChunkBufferPool, Waiter))state!;
                pool.Abandon(waiting, token);
            },
            (this, waiter));
        return await waiter.Source.Task;
    }

    /// <summary>Frees the idle buffers; rented ones are freed when they come back.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            foreach (ChunkBuffer buffer in _idle.Values.SelectMany(stack => stack))
            {
                buffer.Free();
            }

            _idle.Clear();
            _idleBytes = 0;
            foreach (Waiter waiter in _waiters)
            {
                waiter.Source.TrySetException(new ObjectDisposedException(nameof(ChunkBufferPool)));
            }

            _waiters.Clear();
        }
    }

    internal void Return(ChunkBuffer buffer)
    {
        lock (_lock)
        {
            _inUse -= buffer.Capacity;

            // Keep at most a quarter of the budget idle: bursts are served from it, the rest goes back to the system.
            if (_disposed || _idleBytes + buffer.Capacity > _budget / 4)
            {
                buffer.Free();
            }
            else
            {
                if (!_idle.TryGetValue(buffer.Capacity, out Stack<ChunkBuffer>? stack))
                {
                    _idle[buffer.Capacity] = stack = new Stack<ChunkBuffer>();
                }

                stack.Push(buffer);
                _idleBytes += buffer.Capacity;
            }

            ServeNeedsLock();
        }
    }

    /// <summary>
    /// Few distinct capacities, so that idle buffers fit again: whole pages for small chunks, then powers of two (and
    /// their head and trailer).
    /// </summary>
    private static int CapacityFor(int payloadLength) => ChunkBuffer.CapacityFor(
        payloadLength <= Limits.MinChunkSize ? payloadLength : (int)BitOperations.RoundUpToPowerOf2((uint)payloadLength));

    private void Abandon(Waiter waiter, CancellationToken token)
    {
        lock (_lock)
        {
            if (waiter.Node?.List is not null)
            {
                _waiters.Remove(waiter.Node);
            }

            waiter.Source.TrySetCanceled(token);
            ServeNeedsLock();
        }
    }

    private void ServeNeedsLock()
    {
        while (_waiters.First is { } first && _inUse + first.Value.Capacity <= _budget)
        {
            _waiters.RemoveFirst();
            try
            {
                first.Value.Source.SetResult(TakeNeedsLock(first.Value.Capacity, first.Value.PayloadLength));
            }
            catch (OutOfMemoryException exception)
            {
                first.Value.Source.SetException(exception);
            }
        }
    }

    private ChunkBuffer TakeNeedsLock(int capacity, int payloadLength)
    {
        ChunkBuffer buffer;
        if (_idle.TryGetValue(capacity, out Stack<ChunkBuffer>? stack) && stack.TryPop(out ChunkBuffer? idle))
        {
            _idleBytes -= capacity;
            buffer = idle;
        }
        else
        {
            DropIdleNeedsLock(_budget - _inUse - capacity);
            buffer = new ChunkBuffer(this, capacity);
        }

        _inUse += capacity;
        buffer.Rent(payloadLength);
        return buffer;
    }

    /// <summary>Frees idle buffers until so many bytes are left: rented and idle ones together keep within the budget.</summary>
    private void DropIdleNeedsLock(long mostBytes)
    {
        foreach ((int capacity, Stack<ChunkBuffer> stack) in _idle)
        {
            while (_idleBytes > mostBytes && stack.TryPop(out ChunkBuffer? buffer))
            {
                buffer.Free();
                _idleBytes -= capacity;
            }
        }
    }

    private sealed class Waiter(int capacity, int payloadLength)
    {
        public int Capacity { get; } = capacity;

        public int PayloadLength { get; } = payloadLength;

        public LinkedListNode<Waiter>? Node { get; set; }

        public TaskCompletionSource<ChunkBuffer> Source { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
