using System.Text.Json;
using BigFs.Cli.Errors;

namespace BigFs.Cli.Tests.Errors;

internal sealed class FailureTests
{
    [Test]
    public void A_failure_is_one_sentence_on_one_line()
    {
        var error = new StringWriter();

        Failure.Of(new BigFsException(BigFsErrorCode.Internal, "one\ntwo\u001b[31m"), CancellationToken.None).Write(error, json: false);

        Assert.That(error.ToString(), Is.EqualTo("bigfs: one two\\x1b[31m" + Environment.NewLine));
    }

    [Test]
    public void As_JSON_it_has_all_that_the_exception_knows()
    {
        var error = new StringWriter();
        var exception = new BigFsException(BigFsErrorCode.Unavailable, "away")
        {
            Path = "/a",
            Endpoint = "127.0.0.1:1",
            Attempts = 3,
        };

        Failure.Of(exception, CancellationToken.None).Write(error, json: true);

        JsonElement json = JsonDocument.Parse(error.ToString()).RootElement;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(json.GetProperty("error").GetString(), Is.EqualTo("Unavailable"));
            Assert.That(json.GetProperty("message").GetString(), Is.EqualTo("away"));
            Assert.That(json.GetProperty("exitCode").GetInt32(), Is.EqualTo(3));
            Assert.That(json.GetProperty("path").GetString(), Is.EqualTo("/a"));
            Assert.That(json.GetProperty("endpoint").GetString(), Is.EqualTo("127.0.0.1:1"));
            Assert.That(json.GetProperty("attempts").GetInt32(), Is.EqualTo(3));
            Assert.That(json.GetProperty("transient").GetBoolean(), Is.True);
        }
    }

    [Test]
    public void Whatever_fails_after_an_interruption_is_the_interruption() => Assert.That(
        Failure.Of(new IOException("x"), new CancellationToken(canceled: true)).ExitCode, Is.EqualTo(ExitCode.Interrupted));
}
