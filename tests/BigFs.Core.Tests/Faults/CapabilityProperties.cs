using BigFs.Core.Security;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Faults;

/// <summary>Capabilities, whole and spoiled.</summary>
[TestFixture]
internal sealed class CapabilityProperties
{
    [Test]
    public void A_capability_is_taken_as_it_was_signed_and_refused_when_anything_signed_was_touched()
    {
        long cases = Effort.Cases(5_000);
        Gen.Int.Sample(
            seed =>
            {
                var random = new Random(seed);
                var kit = new CapabilityKit(random);
                Assert.That(kit.Check(kit.Token), Is.EqualTo(CapabilityRefusal.None));
                for (int i = 0; i < 10; i++)
                {
                    byte[] spoiled = Spoiling.Spoil(kit.Token, random);
                    if (kit.Check(spoiled) == CapabilityRefusal.None != kit.IsUntouched(spoiled))
                    {
                        Assert.Fail($"{kit.Check(spoiled)}: {Convert.ToHexString(kit.Token)} {Convert.ToHexString(spoiled)}");
                    }
                }
            },
            seed: Effort.PropertySeed("0N0XIzNsQ0O2"),
            iter: cases / 10,
            threads: 1);
        Effort.Figure($"capabilities: {cases} cases");
    }
}
