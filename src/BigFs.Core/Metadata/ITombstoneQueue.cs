using System.Collections.Immutable;
using BigFs.Core.Model;

namespace BigFs.Core.Metadata;

/// <summary>
/// The metadata server's side of deletion: what is still to be carried out on datanodes, and who has carried it out.
/// Several servers on one database share the queue: each claims some for a while. Claims only save doubled work: what is
/// written of confirmations is true whoever claims, so a claim that ran out harms nothing. Every change is durable before
/// it returns. Thread-safe.
/// </summary>
public interface ITombstoneQueue
{
    /// <summary>
    /// Claims tombstones that are due (their read leases have ended) and nobody else's, oldest first: nobody else is given
    /// them before the lease ends or <see cref="SettleTombstonesAsync"/> names them. None while collection is paused. The
    /// generation is that of the same moment.
    /// </summary>
    /// <param name="limit">At most so many, 1 or more.</param>
    /// <param name="lease">How long the claim lasts, by the database's clock.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask<TombstoneBatch> ClaimTombstonesAsync(int limit, TimeSpan lease, CancellationToken cancellationToken);

    /// <summary>
    /// Drops what every member has carried out, records who has confirmed the rest, and puts that off; claims on all of them
    /// end. Tombstones that are not known any more are passed over.
    /// </summary>
    /// <returns>False, and nothing was changed, when the generation is not that of the settlement any more.</returns>
    ValueTask<bool> SettleTombstonesAsync(TombstoneSettlement settlement, CancellationToken cancellationToken);

    /// <summary>Tombstones that are due, claimed or not, oldest first, at most so many; claims nothing.</summary>
    ValueTask<ImmutableArray<Tombstone>> DueTombstonesAsync(int limit, CancellationToken cancellationToken);
}

/// <summary>A recorded deletion still to be carried out.</summary>
/// <param name="Id">Its number; given once within a generation.</param>
/// <param name="Volume">Where the chunk is.</param>
/// <param name="Key">The chunk.</param>
public readonly record struct Tombstone(long Id, VolumeId Volume, ChunkKey Key)
{
    private readonly ImmutableArray<NodeId> _confirmed;

    /// <summary>The volume's epoch under which members confirmed; 0 when nobody has.</summary>
    public long Epoch { get; init; }

    /// <summary>
    /// Who has carried it out under <see cref="Epoch"/>, ordered by id. Under another epoch it says nothing: who left and came
    /// back may have copied the chunk from a peer that still had it.
    /// </summary>
    public ImmutableArray<NodeId> Confirmed
    {
        get => _confirmed.IsDefault ? [] : _confirmed;
        init => _confirmed = value;
    }

    /// <summary>How often it was put off.</summary>
    public int Attempts { get; init; }
}

/// <summary>What a claim gave.</summary>
/// <param name="Generation">The generation under which these are to be carried out.</param>
/// <param name="IsPaused">Whether collection waits for an operator's word after a restore; then there are none.</param>
/// <param name="Tombstones">The claimed ones.</param>
public sealed record TombstoneBatch(long Generation, bool IsPaused, ImmutableArray<Tombstone> Tombstones);

/// <summary>What came of a claimed batch.</summary>
public sealed record TombstoneSettlement
{
    /// <summary>The batch's.</summary>
    public required long Generation { get; init; }

    /// <summary>Those that every member of the volume's current epoch has carried out.</summary>
    public ImmutableArray<long> Done { get; init; } = [];

    /// <summary>The others.</summary>
    public ImmutableArray<TombstoneRest> Kept { get; init; } = [];
}

/// <summary>A tombstone that somebody still has to carry out.</summary>
/// <param name="Id">Which.</param>
/// <param name="Epoch">
/// The epoch of the confirmations: those of a lower one are forgotten, of the same one are added to, of a higher one stay and
/// these are not recorded. 0 records none.
/// </param>
/// <param name="Confirmed">Who has confirmed, in any order.</param>
/// <param name="Delay">How long to leave it alone.</param>
public readonly record struct TombstoneRest(long Id, long Epoch, ImmutableArray<NodeId> Confirmed, TimeSpan Delay);
