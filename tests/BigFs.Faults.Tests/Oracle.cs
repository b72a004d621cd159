using BigFs.Core.Storage;
using BigFs.Faults.Driver;

namespace BigFs.Faults.Tests;

/// <summary>What a driver tried and what it was told is done; kept outside of it, so that its death takes nothing away.</summary>
internal sealed class Oracle
{
    private readonly HashSet<(long Volume, ulong Key)> _tried = [];
    private readonly HashSet<(long Volume, ulong Key)> _appended = [];
    private readonly HashSet<(long Volume, ulong Key)> _deleting = [];
    private readonly HashSet<(long Volume, ulong Key)> _deleted = [];
    private readonly Dictionary<long, List<Line>> _orders = [];

    public int Acknowledged { get; private set; }

    /// <summary>Chunks whose append was acknowledged and whose deletion was never asked for.</summary>
    public IEnumerable<(long Volume, ulong Key)> MustLive => _appended.Where(chunk => !_deleting.Contains(chunk));

    /// <summary>Chunks whose deletion was acknowledged.</summary>
    public IEnumerable<(long Volume, ulong Key)> MustBeDeleted => _deleted;

    /// <summary>Volumes of which some order was acknowledged.</summary>
    public IEnumerable<long> MustExist => _orders.Where(volume => volume.Value.Exists(line => line.IsAcknowledged)).Select(one => one.Key);

    /// <summary>Whether anybody ever wrote this chunk.</summary>
    public bool WasTried(long volume, ulong key) => _tried.Contains((volume, key));

    /// <summary>Whether a volume may be here in this epoch and state: its last acknowledged one, or one tried after it.</summary>
    public bool MayBe(VolumeReport volume)
    {
        if (!_orders.TryGetValue(volume.Volume.Value, out List<Line>? orders))
        {
            return false;
        }

        int certain = Math.Max(0, orders.FindLastIndex(line => line.IsAcknowledged));
        return orders.Skip(certain).Any(line => (long)line.Number == volume.Epoch && line.State == volume.State);
    }

    public void Note(Line line)
    {
        Acknowledged += line.IsAcknowledged ? 1 : 0;
        switch (line.Act)
        {
            case Act.Append:
                (line.IsAcknowledged ? _appended : _tried).Add((line.Volume, line.Number));
                break;
            case Act.Delete:
                (line.IsAcknowledged ? _deleted : _deleting).Add((line.Volume, line.Number));
                break;
            default:
                _orders.TryAdd(line.Volume, []);
                _orders[line.Volume].Add(line);
                break;
        }
    }
}
