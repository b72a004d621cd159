using BigFs.Core.Storage;
using CsCheck;
using NUnit.Framework;

namespace BigFs.Core.Tests.Faults;

/// <summary>Logs torn, reordered and flipped: images made from what a store really wrote.</summary>
[TestFixture]
internal sealed class LogReaderProperties
{
    private const int CasesOfOneStory = 100;

    [Test]
    public void A_log_torn_at_any_moment_holds_all_that_was_acknowledged_and_nothing_else()
    {
        long cases = Effort.Cases(3_000, 700_000);
        Gen.Select(LogStory.Steps, Gen.Int).Sample(
            (steps, seed) =>
            {
                LogStory story = LogStory.Write(steps);
                var dice = new Random(seed);
                int created = Math.Min(4, story.Log.Count); // superblock and first epoch, flushed before the log has its name
                for (int i = 0; i < CasesOfOneStory; i++)
                {
                    int moment = dice.Next(created, story.Log.Count + 1);
                    byte[] image = story.Log.ImageAt(moment, dice);
                    story.Check(moment, image, LogProbe.Read(image)!);
                }
            },
            seed: Effort.PropertySeed("0N0XIzNsQ0O2"),
            iter: cases / CasesOfOneStory,
            threads: 1);
        Effort.Figure($"log reader, torn and reordered: {cases} cases");
    }

    [Test]
    public void A_flipped_bit_of_a_log_is_found_or_does_no_harm()
    {
        long cases = Effort.Cases(3_000, 700_000);
        Gen.Select(LogStory.Steps, Gen.Int).Sample(
            (steps, seed) =>
            {
                LogStory story = LogStory.Write(steps);
                byte[] image = story.Log.ImageAt(story.Log.Count, null);
                int whole = LogProbe.Read(image)!.Records.Count;
                var dice = new Random(seed);
                for (int i = 0; i < CasesOfOneStory; i++)
                {
                    int at = dice.Next(LogFormat.PageSize, image.Length);
                    byte bit = (byte)(1 << dice.Next(8));
                    image[at] ^= bit;
                    LogProbe probe = LogProbe.Read(image)!;
                    story.CheckNothingInvented(image, probe, at);
                    if (probe.Damage is null && probe.Records.Count != whole)
                    {
                        Assert.Fail($"bit at {at}: {probe.Records.Count} of {whole} records, and no damage");
                    }

                    image[at] ^= bit;
                }
            },
            seed: Effort.PropertySeed("0N0XIzNsQ0O2"),
            iter: cases / CasesOfOneStory,
            threads: 1);
        Effort.Figure($"log reader, flipped: {cases} cases");
    }
}
