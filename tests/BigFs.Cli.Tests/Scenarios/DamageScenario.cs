using BigFs.Cli.Roles;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>A flipped bit on a datanode's disk never reaches a reader, and is told.</summary>
[Category("Scenario")]
internal sealed class DamageScenario
{
    private const string ReadFailed = "1002";
    private const string ChunkDamaged = "5004";

    [TestCase(60_000, "a small chunk")]
    [TestCase(9_000_000, "large chunks")]
    public async Task A_flipped_byte_is_never_returned_and_the_damage_is_reported(int size, string kind)
    {
        ScenarioLevel.Require();
        await using ProcessScenario cluster = await ProcessScenario.StartAsync();
        byte[] content = SeededContent.Bytes(ScenarioLevel.Seed, size);
        await using (BigFsClient writer = cluster.Connect())
        {
            await writer.UploadAsync("/precious", new MemoryStream(content));
        }

        // The first one that has it; the other replica stays whole.
        RoleLine? holder = cluster.DataNodes.FirstOrDefault(node => VolumeFiles.Flip(node.DataDirectory, content) > 0);
        Assert.That(holder, Is.Not.Null, $"a datanode holds {kind}");

        // Both replicas are asked sooner or later: the client chooses.
        int reads = 0;
        await Eventually.TrueAsync(
            async () =>
            {
                ProgramResult read = await cluster.RunAsync("cat", "bigfs:/precious");
                Assert.That(read.ExitCode, Is.Zero, read.Error);
                Assert.That(read.Output.AsSpan().SequenceEqual(content), Is.True, "wrong bytes were returned");
                reads++;
                return read.ErrorLines.Concat(cluster.Events).Any(IsDamageReport);
            },
            "the damage is reported",
            TimeSpan.FromSeconds(60));
        ScenarioLevel.Figure($"damage in {kind} reported after {reads} reads");
    }

    /// <summary>
    /// "12:00:00.000 warn 1002 Chunk ... could not be read ...: Damaged" of a client, or event 5004 of the datanode itself.
    /// </summary>
    private static bool IsDamageReport(string line) => line.Split(' ', 4) is [_, _, var number, var message]
        && ((number == ReadFailed && message.EndsWith(": Damaged", StringComparison.Ordinal)) || number == ChunkDamaged);
}
