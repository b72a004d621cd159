using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests.Files;

/// <summary>What people type: curl as it is installed; without one these are skipped.</summary>
[CancelAfter(120_000)]
internal sealed class CurlTests : SharedCluster
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("bigfs-curl-");

    private string Base => $"http://{Cluster.Door}/v1/files/curl";

    [OneTimeSetUp]
    public static void FindCurl() => Curl.Require();

    [OneTimeTearDown]
    public void Delete() => _folder.Delete(recursive: true);

    [Test]
    public async Task A_file_goes_up_and_comes_down_by_its_own_name_or_another()
    {
        byte[] bytes = Bytes(5_000_000);
        string file = Path.Combine(_folder.FullName, "a.bin"), back = Path.Combine(_folder.FullName, "back.bin");
        await File.WriteAllBytesAsync(file, bytes);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(await StatusAsync("-T", file, $"{Base}/up/"), Is.EqualTo("201"));
            Assert.That(await StatusAsync("-T", file, $"{Base}/up/b.bin"), Is.EqualTo("201"));
            Assert.That(await StatusAsync("-o", back, $"{Base}/up/a.bin"), Is.EqualTo("200"));
            Assert.That(await File.ReadAllBytesAsync(back), Is.EqualTo(bytes));
            Assert.That(await StatusAsync("-r", "100-199", "-o", back, $"{Base}/up/b.bin"), Is.EqualTo("206"));
            Assert.That(await File.ReadAllBytesAsync(back), Is.EqualTo(bytes[100..200]));
            Assert.That(await StatusAsync("-r", "9999999-", $"{Base}/up/b.bin"), Is.EqualTo("416"));
            Assert.That(await StatusAsync("-X", "DELETE", $"{Base}/up/b.bin"), Is.EqualTo("204"));
            Assert.That(await StatusAsync("-I", $"{Base}/up/b.bin"), Is.EqualTo("404"));
        }
    }

    [Test]
    public async Task A_download_that_broke_off_is_taken_up_where_it_was()
    {
        byte[] bytes = Bytes(3_000_000);
        string part = Path.Combine(_folder.FullName, "part.bin");
        await PutAsync("/v1/files/curl/resume", bytes);
        await File.WriteAllBytesAsync(part, bytes[..1_000_000]);

        Assert.That(await StatusAsync("-C", "-", "-o", part, $"{Base}/resume"), Is.EqualTo("206"));
        Assert.That(await File.ReadAllBytesAsync(part), Is.EqualTo(bytes));
    }

    [Test]
    public async Task Chunked_bodies_and_preconditions_work_over_both_versions()
    {
        string file = Path.Combine(_folder.FullName, "c.bin");
        await File.WriteAllBytesAsync(file, Bytes(2_000_000, 7));
        foreach (string version in new[] { "--http1.1", "--http2-prior-knowledge" })
        {
            string target = $"{Base}/chunked{version}";
            string[] chunked = version == "--http1.1" ? ["-H", "Transfer-Encoding: chunked"] : [];

            using (Assert.EnterMultipleScope())
            {
                Assert.That(await StatusAsync([version, .. chunked, "-H", "If-None-Match: *", "-T", file, target]), Is.EqualTo("201"), version);
                Assert.That(await StatusAsync([version, .. chunked, "-H", "If-None-Match: *", "-T", file, target]), Is.EqualTo("412"), version);
                string tag = (await Http.GetAsync(new Uri(target).PathAndQuery)).Headers.ETag!.Tag;
                Assert.That(await StatusAsync(version, "-H", $"If-None-Match: {tag}", target), Is.EqualTo("304"), version);
                Assert.That(await StatusAsync([version, .. chunked, "-H", $"If-Match: {tag}", "-T", file, target]), Is.EqualTo("200"), version);
            }

            Assert.That(await Http.GetByteArrayAsync(new Uri(target).PathAndQuery), Is.EqualTo(Bytes(2_000_000, 7)));
        }
    }

    [Test]
    public async Task Who_waits_for_leave_is_refused_before_it_has_sent_its_file()
    {
        string file = Path.Combine(_folder.FullName, "large.bin");
        await File.WriteAllBytesAsync(file, Bytes(4_000_000));
        await PutAsync("/v1/files/curl/there", Bytes(5));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(await SentAsync("-H", "If-None-Match: *", "-T", file, $"{Base}/there"), Is.EqualTo("412 0"));
            Assert.That(await SentAsync("-T", file, $"{Base}/there/below/%2e%2e"), Is.EqualTo("400 0"));
            Assert.That(await SentAsync("-H", "Repr-Digest: sha-256=nonsense", "-T", file, $"{Base}/x"), Is.EqualTo("400 0"));
            Assert.That(await SentAsync("-T", file, $"{Base}/new"), Is.EqualTo("201 4000000"));
        }

        async Task<string> SentAsync(params string[] arguments) => (await Curl.RunAsync(
            ["-s", "--http1.1", "--path-as-is", "--expect100-timeout", "30", "-H", "Expect: 100-continue", "-o", "/dev/null", "-w", "%{http_code} %{size_upload}", .. arguments])).Output;
    }

    private async Task<string> StatusAsync(params string[] arguments)
    {
        string[] output = arguments.Contains("-o") ? [] : ["-o", "/dev/null"];
        return (await Curl.RunAsync(["-s", "-w", "%{http_code}", .. output, .. arguments])).Output;
    }
}
