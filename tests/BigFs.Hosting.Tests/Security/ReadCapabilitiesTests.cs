using System.Collections.Immutable;
using BigFs.Core.Membership;
using BigFs.Core.Model;
using BigFs.Core.Security;
using BigFs.Hosting.FileServer;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Security;

public sealed class ReadCapabilitiesTests
{
    private static readonly CapabilityOptions Options = new();
    private static readonly ClusterSecret Secret = ClusterSecret.Create(new byte[ClusterSecret.KeyBytes]);

    [Test]
    public void One_is_handed_out_for_half_of_its_life_and_never_for_another_epoch()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch + TimeSpan.FromDays(20_000));
        var capabilities = new ReadCapabilities(new CapabilitySigner(Secret, Options, time), time);
        ClusterVolume volume = Volume(3);
        ImmutableArray<byte> first = capabilities.For(volume);

        time.Advance((Options.ReadLifetime / 2) - TimeSpan.FromSeconds(1));
        ImmutableArray<byte> same = capabilities.For(volume);
        time.Advance(TimeSpan.FromSeconds(1));
        ImmutableArray<byte> second = capabilities.For(volume);
        ImmutableArray<byte> nextEpoch = capabilities.For(Volume(4));

        Assert.That(same, Is.EqualTo(first));
        Assert.That(second, Is.Not.EqualTo(first));
        Assert.That(nextEpoch, Is.Not.EqualTo(second));
        foreach (ImmutableArray<byte> capability in new[] { first, second, nextEpoch })
        {
            foreach (VolumeMember member in volume.Members)
            {
                var verifier = new CapabilityVerifier(Secret.KeysOf(member.Node), Options, time);
                var use = new CapabilityUse
                {
                    Operation = CapabilityOperation.ReadChunks,
                    Volume = volume.Id,
                    Key = ChunkKey.Create(1, 1),
                };
                Assert.That(verifier.Check(capability.AsSpan(), use), Is.EqualTo(CapabilityRefusal.None));
            }
        }
    }

    private static ClusterVolume Volume(long epoch) => new()
    {
        Id = new VolumeId(7),
        Epoch = epoch,
        State = VolumeState.Open,
        Members =
        [
            new VolumeMember(new NodeId(new Guid(1, 0, 0, new byte[8])), true),
            new VolumeMember(new NodeId(new Guid(2, 0, 0, new byte[8])), false),
        ],
    };
}
