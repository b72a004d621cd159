using NUnit.Framework;
using static System.Net.HttpStatusCode;

namespace BigFs.Hosting.Gateway.Tests.Files;

/// <summary>Preconditions of every method (RFC 9110, section 13).</summary>
[CancelAfter(120_000)]
internal sealed class ConditionTests : SharedCluster
{
    private const string Other = "\"0123456789abcdef\"";

    [Test]
    public async Task Readers_are_told_when_they_have_it_already()
    {
        string target = NewFile();
        HttpResponseMessage put = await PutAsync(target, Bytes(10));
        string tag = put.Headers.ETag!.Tag;
        string modified = put.Content.Headers.LastModified?.ToString("r") ?? put.Headers.GetValues("Last-Modified").Single();
        foreach (HttpMethod method in new[] { HttpMethod.Get, HttpMethod.Head })
        {
            using (Assert.EnterMultipleScope())
            {
                HttpResponseMessage same = await SendAsync(method, target, null, ("If-None-Match", tag));
                Assert.That(same.StatusCode, Is.EqualTo(NotModified), method.Method);
                Assert.That(same.Headers.ETag?.Tag, Is.EqualTo(tag));
                Assert.That(await StatusAsync(method, ("If-None-Match", $"{Other}, W/{tag}")), Is.EqualTo(NotModified));
                Assert.That(await StatusAsync(method, ("If-None-Match", "*")), Is.EqualTo(NotModified));
                Assert.That(await StatusAsync(method, ("If-None-Match", Other)), Is.EqualTo(OK));
                Assert.That(await StatusAsync(method, ("If-Match", tag)), Is.EqualTo(OK));
                Assert.That(await StatusAsync(method, ("If-Match", "*")), Is.EqualTo(OK));
                Assert.That(await StatusAsync(method, ("If-Match", $"W/{tag}")), Is.EqualTo(PreconditionFailed));
                Assert.That(await StatusAsync(method, ("If-Match", Other)), Is.EqualTo(PreconditionFailed));
                Assert.That(await StatusAsync(method, ("If-Modified-Since", modified)), Is.EqualTo(NotModified));
                Assert.That(await StatusAsync(method, ("If-Modified-Since", modified), ("If-None-Match", Other)), Is.EqualTo(OK));
                Assert.That(await StatusAsync(method, ("If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT")), Is.EqualTo(PreconditionFailed));
                Assert.That(await StatusAsync(method, ("If-None-Match", "bare")), Is.EqualTo(BadRequest));
                Assert.That((await SendAsync(method, target + "x", null, ("If-Match", "*"))).StatusCode, Is.EqualTo(PreconditionFailed));
            }
        }

        async Task<System.Net.HttpStatusCode> StatusAsync(HttpMethod method, params (string, string)[] headers) =>
            (await SendAsync(method, target, null, headers)).StatusCode;
    }

    [Test]
    public async Task Writers_replace_only_what_they_know()
    {
        string target = NewFile();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(await StatusAsync(("If-Match", "*")), Is.EqualTo(PreconditionFailed));
            Assert.That(await StatusAsync(("If-Match", Other)), Is.EqualTo(PreconditionFailed));
            Assert.That(await StatusAsync(("If-None-Match", "*")), Is.EqualTo(Created));
            Assert.That(await StatusAsync(("If-None-Match", "*")), Is.EqualTo(PreconditionFailed));
            string tag = (await GetAsync(target)).Headers.ETag!.Tag;
            Assert.That(await StatusAsync(("If-None-Match", tag)), Is.EqualTo(PreconditionFailed));
            Assert.That(await StatusAsync(("If-Match", Other)), Is.EqualTo(PreconditionFailed));
            Assert.That(await StatusAsync(("If-Match", $"{Other}, {tag}")), Is.EqualTo(OK));
            Assert.That(await StatusAsync(("If-Match", tag)), Is.EqualTo(PreconditionFailed), "it was replaced meanwhile");
            Assert.That(await StatusAsync(("If-None-Match", tag)), Is.EqualTo(OK));
            Assert.That(await StatusAsync(("If-Match", "*")), Is.EqualTo(OK));
            Assert.That(await StatusAsync(("Content-Range", "bytes 0-9/20")), Is.EqualTo(BadRequest));
            Assert.That(await StatusAsync(("Content-Encoding", "gzip")), Is.EqualTo(BadRequest));
        }

        async Task<System.Net.HttpStatusCode> StatusAsync(params (string, string)[] headers) => (await PutAsync(target, Bytes(10), headers)).StatusCode;
    }

    [Test]
    public async Task Of_many_who_create_at_once_one_wins()
    {
        string target = NewFile();

        HttpResponseMessage[] all = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => PutAsync(target, Bytes(2_000_000, i), ("If-None-Match", "*"))));

        Assert.That(all.Count(one => one.StatusCode == Created), Is.EqualTo(1));
        Assert.That(all.Count(one => one.StatusCode == PreconditionFailed), Is.EqualTo(7));
    }

    [Test]
    public async Task Deletes_take_only_what_their_callers_know()
    {
        string target = NewFile();
        string tag = (await PutAsync(target, Bytes(10))).Headers.ETag!.Tag;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(await StatusAsync(("If-Match", Other)), Is.EqualTo(PreconditionFailed));
            Assert.That(await StatusAsync(("If-None-Match", "*")), Is.EqualTo(PreconditionFailed));
            Assert.That(await StatusAsync(("If-None-Match", tag)), Is.EqualTo(PreconditionFailed));
            Assert.That(await StatusAsync(("If-Match", tag)), Is.EqualTo(NoContent));
            Assert.That(await StatusAsync(("If-Match", tag)), Is.EqualTo(PreconditionFailed));
            Assert.That(await StatusAsync(("If-None-Match", "*")), Is.EqualTo(NotFound));
        }

        async Task<System.Net.HttpStatusCode> StatusAsync(params (string, string)[] headers) =>
            (await SendAsync(HttpMethod.Delete, target, null, headers)).StatusCode;
    }

    [TestCase("bytes=0-0", 0, 1)]
    [TestCase("bytes=10-19", 10, 10)]
    [TestCase("bytes=8388600-8388620", 8_388_600, 21)]
    [TestCase("bytes=9000000-", 9_000_000, 1_000_000)]
    [TestCase("bytes=-5", 9_999_995, 5)]
    [TestCase("bytes=0-99999999", 0, 10_000_000)]
    [TestCase("bytes=-99999999", 0, 10_000_000)]
    public async Task A_range_is_a_part(string range, int start, int length)
    {
        string target = NewFile();
        byte[] bytes = Bytes(10_000_000);
        string tag = (await PutAsync(target, bytes)).Headers.ETag!.Tag;

        HttpResponseMessage part = await GetAsync(target, ("Range", range), ("If-Range", tag));
        HttpResponseMessage whole = await GetAsync(target, ("Range", range), ("If-Range", Other));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(part.StatusCode, Is.EqualTo(PartialContent));
            Assert.That(part.Content.Headers.ContentRange?.ToString(), Is.EqualTo($"bytes {start}-{start + length - 1}/10000000"));
            Assert.That((await part.Content.ReadAsByteArrayAsync()).AsSpan().SequenceEqual(bytes.AsSpan(start, length)), Is.True);
            Assert.That((whole.StatusCode, whole.Content.Headers.ContentLength), Is.EqualTo((OK, 10_000_000)));
        }
    }

    [TestCase("bytes=100-", 100, RequestedRangeNotSatisfiable)]
    [TestCase("bytes=-0", 100, RequestedRangeNotSatisfiable)]
    [TestCase("bytes=0-", 0, RequestedRangeNotSatisfiable)]
    [TestCase("bytes=0-1,5-6", 100, OK)]
    [TestCase("bytes=5-1", 100, OK)]
    [TestCase("bytes=x", 100, OK)]
    [TestCase("bytes=-", 100, OK)]
    [TestCase("lines=0-1", 100, OK)]
    public async Task A_range_without_bytes_is_refused_and_what_is_none_is_passed_over(string range, int size, System.Net.HttpStatusCode expected)
    {
        string target = NewFile();
        await PutAsync(target, Bytes(size));

        HttpResponseMessage response = await GetAsync(target, ("Range", range));

        Assert.That(response.StatusCode, Is.EqualTo(expected));
        if (expected == RequestedRangeNotSatisfiable)
        {
            Assert.That(response.Content.Headers.ContentRange?.ToString(), Is.EqualTo($"bytes */{size}"));
            Assert.That(await CodeOfAsync(response), Is.EqualTo("InvalidArgument"));
        }
    }
}
