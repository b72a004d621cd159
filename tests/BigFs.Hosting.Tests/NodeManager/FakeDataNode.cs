using System.Collections.Immutable;
using BigFs.Core.Control;
using BigFs.Core.Model;
using BigFs.Core.Storage;

namespace BigFs.Hosting.Tests.NodeManager;

/// <summary>
/// A datanode in memory with the rules of a real one: epochs, terms, states, delete marks. What it holds survives its
/// restarts, as if every step had been flushed. Thread-safe.
/// </summary>
internal sealed class FakeDataNode(NodeId id, FakeDataNodes peers) : IDataNode
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<VolumeId, Replica> _volumes = [];
    private long _term;
    private int _probes;

    public NodeId Id => id;

    public bool IsAlive { get; private set; } = true;

    public long Incarnation { get; private set; } = 1;

    public bool CleanStart { get; private set; } = true;

    public Guid? ClusterId { get; set; }

    /// <summary>How often it answered a probe.</summary>
    public int Probes => Volatile.Read(ref _probes);

    /// <summary>Answers of orders that are to fail; null for none.</summary>
    public Func<string, ChunkStatus?> Fault { get; set; } = _ => null;

    /// <summary>What its reports say of the fill of each replica, bytes.</summary>
    public long BytesPerChunk { get; set; } = 10;

    public void Stop() => IsAlive = false;

    public void Start(bool clean)
    {
        Incarnation++;
        CleanStart = clean;
        IsAlive = true;
    }

    public NodeReport Report()
    {
        lock (_lock)
        {
            return new NodeReport
            {
                Node = id,
                ClusterId = ClusterId,
                Incarnation = Incarnation,
                CleanStart = CleanStart,
                TransferEndpoint = "",
                ControlEndpoint = "",
                Volumes =
                [
                    .. _volumes.Select(pair => new VolumeReport
                    {
                        Volume = pair.Key,
                        Epoch = pair.Value.Epoch,
                        State = pair.Value.State,
                        Chunks = pair.Value.Chunks.Values.Count(chunk => !chunk.Deleted),
                        Bytes = pair.Value.Chunks.Count * BytesPerChunk,
                    }),
                ],
            };
        }
    }

    /// <summary>Appends as a pipeline would: refused unless epoch and state fit.</summary>
    public bool Append(VolumeId volume, long epoch, ChunkKey key)
    {
        lock (_lock)
        {
            if (!IsAlive || !_volumes.TryGetValue(volume, out Replica? replica)
                || replica.State != ReplicaState.Open || replica.Epoch != epoch)
            {
                return false;
            }

            replica.Chunks.TryAdd(key, new StoredChunkInfo(key, 10, (uint)key.Value, Deleted: false));
            return true;
        }
    }

    public ImmutableArray<StoredChunkInfo> Chunks(VolumeId volume)
    {
        lock (_lock)
        {
            return _volumes.TryGetValue(volume, out Replica? replica) ? [.. replica.Chunks.Values] : [];
        }
    }

    public (long Epoch, ReplicaState State)? StateOf(VolumeId volume)
    {
        lock (_lock)
        {
            return _volumes.TryGetValue(volume, out Replica? replica) ? (replica.Epoch, replica.State) : null;
        }
    }

    public void Break(VolumeId volume)
    {
        lock (_lock)
        {
            _volumes[volume].State = ReplicaState.Failed;
        }
    }

    /// <summary>Holds other bytes under the key than were appended.</summary>
    public void Change(VolumeId volume, ChunkKey key)
    {
        lock (_lock)
        {
            SortedDictionary<ChunkKey, StoredChunkInfo> chunks = _volumes[volume].Chunks;
            chunks[key] = chunks[key] with { Crc32C = chunks[key].Crc32C + 1 };
        }
    }

    public void Forget(VolumeId volume)
    {
        lock (_lock)
        {
            _volumes.Remove(volume);
        }
    }

    public ValueTask<NodeReport?> ProbeAsync(TimeSpan deadline, CancellationToken cancellationToken)
    {
        if (!IsAlive)
        {
            return ValueTask.FromResult<NodeReport?>(null);
        }

        Interlocked.Increment(ref _probes);
        return ValueTask.FromResult<NodeReport?>(Report());
    }

    public ValueTask<ChunkStatus> OpenVolumeAsync(VolumeOrder order, CancellationToken cancellationToken) =>
        Obey("open", order, replica =>
        {
            if (replica is null)
            {
                _volumes[order.Volume] = new Replica { Epoch = order.Epoch, State = ReplicaState.Open, Members = order.Members };
                return ChunkStatus.Ok;
            }

            if (order.Epoch == replica.Epoch)
            {
                return replica.State == ReplicaState.Open ? ChunkStatus.Ok : ChunkStatus.NotOpen;
            }

            if (replica.State != ReplicaState.Sealed)
            {
                return ChunkStatus.WrongEpoch;
            }

            (replica.Epoch, replica.State, replica.Members) = (order.Epoch, ReplicaState.Open, order.Members);
            return ChunkStatus.Ok;
        });

    public ValueTask<ChunkStatus> FenceAsync(VolumeOrder order, CancellationToken cancellationToken) =>
        Obey("fence", order, replica =>
        {
            if (replica is null)
            {
                return ChunkStatus.VolumeNotFound;
            }

            if (order.Epoch > replica.Epoch || replica.State == ReplicaState.Open)
            {
                (replica.Epoch, replica.State, replica.Members) = (order.Epoch, ReplicaState.Fenced, order.Members);
            }

            return ChunkStatus.Ok;
        });

    public ValueTask<ChunkStatus> SealAsync(VolumeOrder order, CancellationToken cancellationToken) =>
        Obey("seal", order, replica =>
        {
            if (replica is null)
            {
                return ChunkStatus.VolumeNotFound;
            }

            if (replica.Epoch != order.Epoch || replica.State == ReplicaState.Open)
            {
                return ChunkStatus.NotOpen;
            }

            replica.State = ReplicaState.Sealed;
            return ChunkStatus.Ok;
        });

    public ValueTask<(ChunkStatus Status, ImmutableArray<StoredChunkInfo> Chunks)> ListChunksAsync(
        VolumeId volume, ChunkKey after, int limit, CancellationToken cancellationToken)
    {
        ChunkStatus status = !IsAlive ? ChunkStatus.Unreachable
            : Fault("list") ?? (StateOf(volume) is null ? ChunkStatus.VolumeNotFound : ChunkStatus.Ok);
        ImmutableArray<StoredChunkInfo> page = status == ChunkStatus.Ok
            ? [.. Chunks(volume).Where(chunk => chunk.Key.CompareTo(after) > 0).Take(limit)]
            : [];
        return ValueTask.FromResult((status, page));
    }

    public ValueTask<(ChunkStatus Status, VolumeDigest? Digest)> DigestAsync(
        VolumeId volume, CancellationToken cancellationToken)
    {
        ChunkStatus status = !IsAlive ? ChunkStatus.Unreachable
            : Fault("digest") ?? (StateOf(volume) is null ? ChunkStatus.VolumeNotFound : ChunkStatus.Ok);
        return ValueTask.FromResult(
            (status, status == ChunkStatus.Ok ? VolumeDigest.Of(Chunks(volume)) : null));
    }

    public ValueTask<ChunkStatus> FetchAsync(
        VolumeOrder order, CopySource source, ImmutableArray<StoredChunkInfo> chunks, CancellationToken cancellationToken)
    {
        FakeDataNode peer = peers.Of(source.Node.Id);
        ImmutableArray<StoredChunkInfo> held = peer.Chunks(order.Volume);
        return Obey("fetch", order, replica =>
        {
            if (replica is null || replica.Epoch != order.Epoch || replica.State == ReplicaState.Open)
            {
                return ChunkStatus.WrongEpoch;
            }

            foreach (StoredChunkInfo chunk in chunks)
            {
                if (!peer.IsAlive || peer.Fault("read") is not null)
                {
                    return peer.IsAlive ? peer.Fault("read")!.Value : ChunkStatus.Unreachable;
                }

                if (!held.Contains(chunk))
                {
                    return ChunkStatus.ChunkNotFound;
                }

                replica.Chunks.TryAdd(chunk.Key, chunk);
            }

            return ChunkStatus.Ok;
        });
    }

    public ValueTask<ChunkStatus> DeleteAsync(
        VolumeId volume, ImmutableArray<ChunkKey> keys, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (!IsAlive)
            {
                return ValueTask.FromResult(ChunkStatus.Unreachable);
            }

            foreach (ChunkKey key in keys)
            {
                _volumes[volume].Chunks[key] = new StoredChunkInfo(key, 0, 0, Deleted: true);
            }

            return ValueTask.FromResult(ChunkStatus.Ok);
        }
    }

    public ValueTask<ChunkStatus> DeleteAsync(
        VolumeId volume, ImmutableArray<ChunkKey> keys, long generation, CancellationToken cancellationToken) =>
        DeleteAsync(volume, keys, cancellationToken);

    public ValueTask<ChunkStatus> AcceptGenerationAsync(long generation, CancellationToken cancellationToken) =>
        ValueTask.FromResult(IsAlive ? ChunkStatus.Ok : ChunkStatus.Unreachable);

    public ValueTask<ChunkStatus> VerifyAsync(VolumeId volume, ChunkKey key, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Fault("verify") ?? ChunkStatus.Ok);

    private ValueTask<ChunkStatus> Obey(string name, VolumeOrder order, Func<Replica?, ChunkStatus> carryOut)
    {
        lock (_lock)
        {
            if (!IsAlive)
            {
                return ValueTask.FromResult(ChunkStatus.Unreachable);
            }

            if (order.Term < _term)
            {
                return ValueTask.FromResult(ChunkStatus.StaleTerm);
            }

            _term = order.Term;
            if (Fault(name) is { } fault)
            {
                return ValueTask.FromResult(fault);
            }

            Replica? replica = _volumes.GetValueOrDefault(order.Volume);
            ChunkStatus status = replica switch
            {
                { State: ReplicaState.Failed } => ChunkStatus.DiskFailed,
                not null when order.Epoch < replica.Epoch
                    || (order.Epoch == replica.Epoch && !order.Members.SequenceEqual(replica.Members)) => ChunkStatus.WrongEpoch,
                _ => carryOut(replica),
            };
            return ValueTask.FromResult(status);
        }
    }

    private sealed class Replica
    {
        public required long Epoch { get; set; }

        public required ReplicaState State { get; set; }

        public required ImmutableArray<NodeId> Members { get; set; }

        public SortedDictionary<ChunkKey, StoredChunkInfo> Chunks { get; } = [];
    }
}
