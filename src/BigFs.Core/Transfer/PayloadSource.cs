namespace BigFs.Core.Transfer;

/// <summary>
/// A chunk's bytes on their way to the next member: all there on a client, filling up while they arrive on a datanode.
/// One task advances it, another one sends from it.
/// </summary>
/// <param name="payload">Room for the whole chunk.</param>
/// <param name="available">Bytes at its front that are there already.</param>
/// <param name="heldUntilAnswer">
/// Whether the bytes stay put until the exchange ends; otherwise only until <see cref="Sent"/>, and what was sent in full
/// cannot be sent again.
/// </param>
internal sealed class PayloadSource(ReadOnlyMemory<byte> payload, int available, bool heldUntilAnswer)
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _sent = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _available = available;
    private TaskCompletionSource? _advanced;

    /// <summary>All of the chunk; only the available bytes mean anything.</summary>
    public ReadOnlyMemory<byte> Payload => payload;

    /// <summary>Ends when the sender has sent every byte and touches them no more.</summary>
    public Task Sent => _sent.Task;

    /// <summary>Whether the chunk can be sent from its start once more.</summary>
    public bool CanRepeat => heldUntilAnswer || !_sent.Task.IsCompleted;

    /// <summary>Bytes that are there.</summary>
    public int Available => Volatile.Read(ref _available);

    /// <summary>More bytes are there.</summary>
    public void Advance(int count)
    {
        TaskCompletionSource? waiting;
        lock (_lock)
        {
            _available += count;
            waiting = _advanced;
            _advanced = null;
        }

        waiting?.SetResult();
    }

    /// <summary>Waits until more bytes are there than were sent.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public Task WaitBeyondAsync(int sent, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_available > sent)
            {
                return Task.CompletedTask;
            }

            _advanced ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _advanced.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Every byte was sent.</summary>
    public void MarkSent() => _sent.TrySetResult();
}
