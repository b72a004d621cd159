using System.Net;
using System.Text.Json;
using NUnit.Framework;
using static System.Net.HttpStatusCode;

namespace BigFs.Hosting.Gateway.Tests.Files;

/// <summary>Files come in and go out over plain HTTP as they do by the SDK.</summary>
[CancelAfter(120_000)]
internal sealed class FileTests : SharedCluster
{
    [TestCase(0)]
    [TestCase(1)]
    [TestCase(70_000)]
    [TestCase(3 << 20)]
    [TestCase(20_000_001)]
    public async Task What_is_put_is_got_again_with_its_type_and_checksum(int length)
    {
        string target = NewFile("a file.bin");
        byte[] bytes = Bytes(length);

        HttpResponseMessage put = await PutAsync(target, bytes, ("Content-Type", "image/png"));
        HttpResponseMessage got = await GetAsync(target);
        HttpResponseMessage head = await SendAsync(HttpMethod.Head, target, null);

        await using BigFsClient direct = Cluster.Direct();
        var file = (BigFsFile?)await direct.FindAsync(Uri.UnescapeDataString(target["/v1/files".Length..]));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(put.StatusCode, Is.EqualTo(Created));
            Assert.That(got.StatusCode, Is.EqualTo(OK));
            Assert.That(await got.Content.ReadAsByteArrayAsync(), Is.EqualTo(bytes));
            Assert.That(got.Content.Headers.ContentType?.MediaType, Is.EqualTo("image/png"));
            Assert.That(head.Content.Headers.ContentLength, Is.EqualTo(length));
            Assert.That(file!.Size, Is.EqualTo(length));
            foreach (HttpResponseMessage response in new[] { put, got, head })
            {
                Assert.That(response.Headers.ETag?.Tag, Is.EqualTo($"\"{file.Version}\""));
                Assert.That(response.Headers.GetValues("Repr-Digest"), Is.EqualTo([ReprDigestTests.Crc(bytes)]));
            }
        }
    }

    [Test]
    public async Task A_put_answers_with_the_receipt_and_tells_new_from_replaced()
    {
        string target = NewFile();

        HttpResponseMessage first = await PutAsync(target, Bytes(100));
        HttpResponseMessage second = await PutAsync(target, Bytes(200));

        using var receipt = JsonDocument.Parse(await second.Content.ReadAsStringAsync());
        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.StatusCode, Is.EqualTo(Created));
            Assert.That(first.Headers.Location?.ToString(), Is.EqualTo(target));
            Assert.That(second.StatusCode, Is.EqualTo(OK));
            Assert.That(second.Headers.ETag, Is.Not.EqualTo(first.Headers.ETag));
            Assert.That(receipt.RootElement.GetProperty("size").GetInt64(), Is.EqualTo(200));
            Assert.That(receipt.RootElement.GetProperty("receipt").GetProperty("replicas").GetInt32(), Is.EqualTo(1));
            Assert.That(receipt.RootElement.GetProperty("receipt").GetProperty("durability").GetString(), Is.EqualTo("Flushed"));
            Assert.That(receipt.RootElement.GetProperty("receipt").GetProperty("volumes").GetArrayLength(), Is.EqualTo(1));
        }
    }

    [Test]
    public async Task A_body_of_unknown_length_is_taken_over_both_versions()
    {
        byte[] bytes = Bytes(9_000_000);
        foreach (Version version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            string target = NewFile();
            using HttpClient client = Cluster.Client(version: version);
            using var request = new HttpRequestMessage(HttpMethod.Put, target)
            {
                Content = new StreamContent(new UnknownLength(bytes)),
                Version = version,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            request.Headers.TransferEncodingChunked = version == HttpVersion.Version11 ? true : null;

            HttpResponseMessage put = await client.SendAsync(request);

            Assert.That(put.StatusCode, Is.EqualTo(Created), version.ToString());
            Assert.That(await client.GetByteArrayAsync(target), Is.EqualTo(bytes), version.ToString());
        }
    }

    [Test]
    public async Task What_is_not_there_is_not_found_and_directories_are_no_files()
    {
        string target = NewFile();
        await PutAsync(target, Bytes(1));
        string directory = target[..target.LastIndexOf('/')];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(await CodeOfAsync(await GetAsync(target + "x")), Is.EqualTo("NotFound"));
            Assert.That((await SendAsync(HttpMethod.Head, target + "x", null)).StatusCode, Is.EqualTo(NotFound));
            Assert.That(await CodeOfAsync(await GetAsync(directory)), Is.EqualTo("IsDirectory"));
            Assert.That((await PutAsync(directory, Bytes(1))).StatusCode, Is.EqualTo(Conflict));
            Assert.That(await CodeOfAsync(await PutAsync(target + "/below", Bytes(1))), Is.EqualTo("NotDirectory"));
            Assert.That(await CodeOfAsync(await PutAsync("/v1/files/", Bytes(1))), Is.EqualTo("IsDirectory"));
        }
    }

    [Test]
    public async Task A_delete_takes_a_file_and_a_directory_with_all_it_holds_only_when_asked_to()
    {
        string target = NewFile();
        string directory = target[..target.LastIndexOf('/')];
        await PutAsync(target, Bytes(1));
        await PutAsync(directory + "/other", Bytes(1));

        using (Assert.EnterMultipleScope())
        {
            Assert.That((await Http.DeleteAsync(target)).StatusCode, Is.EqualTo(NoContent));
            Assert.That(await CodeOfAsync(await Http.DeleteAsync(target)), Is.EqualTo("NotFound"));
            Assert.That(await CodeOfAsync(await Http.DeleteAsync(directory)), Is.EqualTo("DirectoryNotEmpty"));
            Assert.That((await Http.DeleteAsync(directory + "?recursive=true")).StatusCode, Is.EqualTo(NoContent));
            Assert.That((await GetAsync(directory + "/other")).StatusCode, Is.EqualTo(NotFound));
        }
    }

    [Test]
    public async Task A_directory_is_listed_by_pages_and_with_all_that_lies_below()
    {
        string root = NewFile()["/v1/files".Length..].Replace("/file", "", StringComparison.Ordinal);
        foreach (string name in new[] { "b", "a", "c d", "sub/x", "ü" })
        {
            await PutAsync($"/v1/files{root}/{Uri.EscapeDataString(name).Replace("%2F", "/", StringComparison.Ordinal)}", Bytes(10));
        }

        var names = new List<string>();
        string? token = null;
        int pages = 0;
        do
        {
            string more = token is null ? "" : "&continuationToken=" + Uri.EscapeDataString(token);
            using var page = JsonDocument.Parse(await Http.GetStringAsync($"/v1/list{root}?pageSize=2{more}"));
            names.AddRange(page.RootElement.GetProperty("entries").EnumerateArray().Select(entry => entry.GetProperty("name").GetString()!));
            token = page.RootElement.TryGetProperty("continuationToken", out JsonElement next) ? next.GetString() : null;
            pages++;
        }
        while (token is not null);

        using var all = JsonDocument.Parse(await Http.GetStringAsync($"/v1/list{root}/?recursive=true"));
        JsonElement[] entries = [.. all.RootElement.GetProperty("entries").EnumerateArray()];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(names, Is.EqualTo(["a", "b", "c d", "sub", "ü"]));
            Assert.That(pages, Is.EqualTo(3));
            Assert.That(entries.Select(entry => entry.GetProperty("path").GetString()), Does.Contain($"{root}/sub/x"));
            Assert.That(entries.Single(entry => entry.GetProperty("name").GetString() == "sub").GetProperty("type").GetString(), Is.EqualTo("directory"));
            Assert.That(entries[0].GetProperty("size").GetInt64(), Is.EqualTo(10));
            Assert.That(await CodeOfAsync(await GetAsync($"/v1/list{root}/none")), Is.EqualTo("NotFound"));
            Assert.That(await CodeOfAsync(await GetAsync($"/v1/list{root}/a")), Is.EqualTo("NotDirectory"));
            Assert.That(await CodeOfAsync(await GetAsync($"/v1/list{root}?continuationToken=x")), Is.EqualTo("InvalidToken"));
            Assert.That(await CodeOfAsync(await GetAsync($"/v1/list{root}?pagesize=2")), Is.EqualTo("InvalidArgument"));
            Assert.That((await GetAsync("/v1/list")).StatusCode, Is.EqualTo(OK));
        }
    }

    [Test]
    public async Task An_upload_that_breaks_off_leaves_what_was_there()
    {
        string target = NewFile();
        byte[] before = Bytes(1000);
        await PutAsync(target, before);
        using (var socket = new System.Net.Sockets.TcpClient())
        {
            await socket.ConnectAsync(IPEndPoint.Parse(Cluster.Door));
            byte[] head = System.Text.Encoding.ASCII.GetBytes($"PUT {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n");
            await socket.GetStream().WriteAsync(head);
            await socket.GetStream().WriteAsync(Bytes(3_000_000));
        }

        Assert.That(await Http.GetByteArrayAsync(target), Is.EqualTo(before));
    }

    /// <summary>A stream that does not tell how long it is.</summary>
    private sealed class UnknownLength(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }
}
