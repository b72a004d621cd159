using System.Diagnostics;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>Files of every awkward size go up and come down identical, and the client stays small.</summary>
[Category("Scenario")]
internal sealed class RoundTripScenario
{
    private const long MostResidentBytes = 250L << 20;
    private const int Chunk = 8 << 20;

    [Test]
    public async Task Files_of_every_size_and_a_pipe_come_back_identical_and_the_client_stays_small()
    {
        ScenarioLevel.Require();
        await using ProcessScenario cluster = await ProcessScenario.StartAsync();
        long large = ScenarioLevel.Of(192L << 20, 2L << 30);

        foreach (long size in new[] { 0, 1, Chunk - 1, Chunk, Chunk + 1, large })
        {
            await FileRoundTripAsync(cluster, size);
        }

        await PipeRoundTripAsync(cluster, (3 * Chunk) + 12_345);
    }

    private static async Task FileRoundTripAsync(ProcessScenario cluster, long size)
    {
        long seed = ScenarioLevel.Seed + size;
        string up = cluster.Local("up"), down = cluster.Local("down");
        await using (FileStream file = File.Create(up))
        {
            await new SeededContent(seed, size).CopyToAsync(file);
        }

        var time = Stopwatch.StartNew();
        ProgramResult upload = await cluster.RunAsync("cp", "--json", up, $"bigfs:/sizes/{size}");
        TimeSpan uploaded = time.Elapsed;
        Assert.That(upload.ExitCode, Is.Zero, upload.Error);
        File.Delete(up);
        time.Restart();
        ProgramResult download = await cluster.RunAsync("cp", $"bigfs:/sizes/{size}", down);
        TimeSpan downloaded = time.Elapsed;
        Assert.That(download.ExitCode, Is.Zero, download.Error);

        await using (FileStream file = File.OpenRead(down))
        {
            await SeededContent.AssertEqualAsync(file, seed, size);
        }

        File.Delete(down);
        ScenarioLevel.Figure($"cp {size} bytes: up {uploaded.TotalSeconds:0.00} s, peak {upload.PeakResidentBytes >> 20} MiB; down {downloaded.TotalSeconds:0.00} s, peak {download.PeakResidentBytes >> 20} MiB");
        Assert.That(upload.PeakResidentBytes, Is.LessThan(MostResidentBytes));
        Assert.That(download.PeakResidentBytes, Is.LessThan(MostResidentBytes));
    }

    private static async Task PipeRoundTripAsync(ProcessScenario cluster, long size)
    {
        await using (BigfsProgram upload = cluster.Start("cp", "-", "bigfs:/pipe"))
        {
            await new SeededContent(ScenarioLevel.Seed, size).CopyToAsync(upload.Input);
            upload.Input.Close();
            ProgramResult result = await upload.FinishAsync();
            Assert.That(result.ExitCode, Is.Zero, result.Error);
        }

        await using BigfsProgram download = cluster.Start("cat", "bigfs:/pipe");
        await SeededContent.AssertEqualAsync(download.Output, ScenarioLevel.Seed, size);
        Assert.That(await download.ExitAsync(), Is.Zero, string.Join('\n', download.ErrorLines));
    }
}
