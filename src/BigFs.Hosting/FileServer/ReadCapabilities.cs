using System.Collections.Concurrent;
using System.Collections.Immutable;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Security;

namespace BigFs.Hosting.FileServer;

/// <summary>
/// The capabilities by which volumes are read, each made once and handed out for half of its life: an opened file costs no
/// signature, and whoever gets one has the other half at least. Bounded by the number of volumes. Thread-safe.
/// </summary>
internal sealed class ReadCapabilities(CapabilitySigner signer, TimeProvider time)
{
    private readonly ConcurrentDictionary<VolumeId, Made> _made = new();

    /// <summary>The capability for a volume as the map has it now.</summary>
    public ImmutableArray<byte> For(ClusterVolume volume)
    {
        DateTimeOffset now = time.GetUtcNow();
        if (_made.TryGetValue(volume.Id, out Made? known)
            && known.Epoch == volume.Epoch
            && now >= known.Since
            && now - known.Since < signer.ReadLifetime / 2)
        {
            return known.Capability;
        }

        // Two callers may make it at the same time; either is good.
        var made = new Made(
            volume.Epoch,
            now,
            signer.SignRead(volume.Id, volume.Epoch, [.. volume.Members.Select(member => member.Node)]));
        _made[volume.Id] = made;
        return made.Capability;
    }

    /// <summary>Good for one epoch: members never change within one.</summary>
    private sealed record Made(long Epoch, DateTimeOffset Since, ImmutableArray<byte> Capability);
}
