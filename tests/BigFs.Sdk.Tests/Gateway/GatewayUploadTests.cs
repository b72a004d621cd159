namespace BigFs.Sdk.Tests.Gateway;

/// <summary>Uploads through a gateway that breaks: made again where that is safe, and made once.</summary>
[CancelAfter(30_000)]
internal sealed class GatewayUploadTests
{
    private const int Large = 3 << 20;

    private static Stream Source(bool seekable, byte[] content) =>
        seekable ? new MemoryStream(content) : new PipeLikeStream(content, 1000);

    [Test]
    public async Task Content_of_every_awkward_length_arrives_from_every_kind_of_source(
        [Values(0, 1, 4095, 4096, 4097, 50_000)] int length, [Values] bool seekable)
    {
        var gateway = new FakeGateway();
        await using BigFsClient client = gateway.Client();
        byte[] content = Make.Bytes(length);

        UploadResult result = await client.UploadAsync("/a", Source(seekable, content));

        Assert.That(gateway.Files["/a"], Is.EqualTo(content));
        Assert.That(result.File.Size, Is.EqualTo(length));
        Assert.That(gateway.Operations, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_try_that_breaks_in_its_middle_is_made_again_under_another_identity([Values] bool seekable)
    {
        var gateway = new FakeGateway
        {
            OnSend = (number, sent) => _ = number == 1 && sent > 20_000 ? throw FakeGateway.Broken() : 0,
        };
        await using BigFsClient client = gateway.Client();
        byte[] content = Make.Bytes(50_000);

        await client.UploadAsync("/a", Source(seekable, content));

        Assert.That(gateway.Files["/a"], Is.EqualTo(content));
        Assert.That(gateway.Operations, Has.Count.EqualTo(2).And.Unique);
        Assert.That(gateway.Aborted, Is.EqualTo(1));
    }

    [Test]
    public async Task A_source_that_began_in_its_middle_is_set_back_to_there()
    {
        var gateway = new FakeGateway { OnSend = (number, _) => _ = number == 1 ? throw FakeGateway.Broken() : 0 };
        await using BigFsClient client = gateway.Client();
        byte[] content = Make.Bytes(50_000);
        using var source = new MemoryStream(content) { Position = 12_345 };

        await client.UploadAsync("/a", source);

        Assert.That(gateway.Files["/a"], Is.EqualTo(content[12_345..]));
    }

    [Test]
    public async Task An_answer_that_was_lost_is_asked_for_under_the_same_identity_and_the_file_made_once([Values] bool wasMade)
    {
        var gateway = new FakeGateway
        {
            OnEnd = (number, made) => _ = number == 1 && made == wasMade ? throw FakeGateway.Broken() : 0,
        };
        await using BigFsClient client = gateway.Client();

        await client.UploadAsync("/a", Source(seekable: false, Make.Bytes(9000)));

        Assert.That(gateway.Operations, Has.Count.EqualTo(2));
        Assert.That(gateway.Operations[1], Is.EqualTo(gateway.Operations[0]));
        Assert.That(gateway.Made, Is.EqualTo(1));
    }

    [Test]
    public async Task The_identity_stays_while_it_is_not_known_whether_the_file_was_made()
    {
        var gateway = new FakeGateway
        {
            OnEnd = (number, made) => _ = number == 1 && made ? throw FakeGateway.Broken() : 0,
            OnSend = (number, _) => _ = number == 2 ? throw FakeGateway.Broken() : 0,
        };
        await using BigFsClient client = gateway.Client();

        await client.UploadAsync("/a", new MemoryStream(Make.Bytes(9000)));

        Assert.That(gateway.Operations, Has.Count.EqualTo(3));
        Assert.That(gateway.Operations.Distinct().Count(), Is.EqualTo(1));
        Assert.That(gateway.Made, Is.EqualTo(1));
    }

    [Test]
    public async Task An_identity_that_the_cluster_has_ended_is_followed_by_another()
    {
        var gateway = new FakeGateway
        {
            OnEnd = (number, made) => _ = (number, made) switch
            {
                (1, false) => throw FakeGateway.Broken(),
                (2, false) => throw new BigFsException(BigFsErrorCode.SessionExpired, "The upload was aborted."),
                _ => 0,
            },
        };
        await using BigFsClient client = gateway.Client();

        await client.UploadAsync("/a", new MemoryStream(Make.Bytes(9000)));

        Assert.That(gateway.Operations, Has.Count.EqualTo(3));
        Assert.That(gateway.Operations[1], Is.EqualTo(gateway.Operations[0]));
        Assert.That(gateway.Operations[2], Is.Not.EqualTo(gateway.Operations[0]));
    }

    [Test]
    public async Task A_long_source_that_cannot_be_read_again_fails_with_a_clear_code_and_nothing_is_stored()
    {
        var gateway = new FakeGateway { OnSend = (_, sent) => _ = sent > 2 << 20 ? throw FakeGateway.Broken() : 0 };
        await using BigFsClient client = gateway.Client();

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(
            () => client.UploadAsync("/a", new PipeLikeStream(Make.Bytes(Large), 100_000))))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
        Assert.That(error.Message, Does.Contain("cannot be read again").And.Contain("nothing was stored"));
        Assert.That(error.Path, Is.EqualTo("/a"));
        Assert.That(gateway.Files, Is.Empty);
    }

    [Test]
    public async Task When_the_last_answer_of_a_long_source_is_lost_the_error_says_that_it_is_not_known()
    {
        var gateway = new FakeGateway { OnEnd = (_, made) => _ = made ? throw FakeGateway.Broken() : 0 };
        await using BigFsClient client = gateway.Client();

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(
            () => client.UploadAsync("/a", new PipeLikeStream(Make.Bytes(Large), 100_000))))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
        Assert.That(error.Message, Does.Contain("is not known"));
    }

    [Test]
    public async Task A_refusal_is_final([Values(BigFsErrorCode.AlreadyExists, BigFsErrorCode.NotEnoughNodes, BigFsErrorCode.NotAllowed)] BigFsErrorCode code)
    {
        var gateway = new FakeGateway { OnBegin = _ => throw new BigFsException(code, "No.") };
        await using BigFsClient client = gateway.Client();
        var source = new PipeLikeStream(Make.Bytes(10), 10);

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => client.UploadAsync("/a", source)))!;

        Assert.That(error.Code, Is.EqualTo(code));
        Assert.That(gateway.Operations, Has.Count.EqualTo(1));
        Assert.That(source.HandedOut, Is.Zero, "the source was touched");
    }

    [Test]
    public async Task A_gateway_that_is_away_is_tried_for_the_connect_time_out()
    {
        var gateway = new FakeGateway { OnBegin = _ => throw FakeGateway.Broken() };
        await using BigFsClient client = gateway.Client(connectSeconds: 0.2);

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => client.UploadAsync("/a", new MemoryStream())))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
        Assert.That(error.Attempts, Is.GreaterThan(1));
        Assert.That(gateway.Operations, Has.Count.GreaterThan(1));
    }

    [Test]
    public async Task A_failure_of_the_source_passes_through_as_it_is_and_nothing_is_tried_again()
    {
        var gateway = new FakeGateway();
        await using BigFsClient client = gateway.Client();
        var own = new BigFsException(BigFsErrorCode.Unavailable, "The source's own.");
        var source = new PipeLikeStream(Make.Bytes(9000), 1000)
        {
            OnRead = (handedOut, _) => handedOut > 5000 ? Task.FromException(own) : Task.CompletedTask,
        };

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(() => client.UploadAsync("/a", source)))!;

        Assert.That(error, Is.SameAs(own));
        Assert.That(gateway.Operations, Has.Count.EqualTo(1));
        Assert.That(gateway.Aborted, Is.EqualTo(1));
        Assert.That(gateway.Files, Is.Empty);
    }

    [Test]
    public async Task A_silent_source_is_told_about_while_it_is_waited_for()
    {
        var more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        FakeGateway gateway = null!;
        gateway = new FakeGateway
        {
            OnSend = (_, _) => _ = gateway.SignsOfLife >= 2 && more.TrySetResult(),
        };
        await using BigFsClient client = gateway.Client(stallSeconds: 0.3);
        byte[] content = Make.Bytes(9000);
        var source = new PipeLikeStream(content, 1000)
        {
            OnRead = (handedOut, _) => handedOut > 5000 ? more.Task : Task.CompletedTask,
        };

        await client.UploadAsync("/a", source);

        Assert.That(gateway.SignsOfLife, Is.GreaterThanOrEqualTo(2));
        Assert.That(gateway.Files["/a"], Is.EqualTo(content));
    }

    [Test]
    public async Task A_read_that_was_under_way_when_the_try_broke_is_not_lost([Values] bool seekable)
    {
        var more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var gateway = new FakeGateway
        {
            OnSend = (number, sent) =>
            {
                if (number == 1 && sent > 0)
                {
                    more.TrySetResult();
                    throw FakeGateway.Broken();
                }
            },
        };
        await using BigFsClient client = gateway.Client();
        byte[] content = Make.Bytes(20_000);
        await using Stream source = seekable
            ? new SlowSource(content, more.Task)
            : new PipeLikeStream(content, 4096) { OnRead = (handedOut, _) => handedOut > 4096 ? more.Task : Task.CompletedTask };

        await client.UploadAsync("/a", source);

        Assert.That(gateway.Files["/a"], Is.EqualTo(content));
    }

    [Test]
    public async Task Progress_never_goes_down_and_ends_with_the_length()
    {
        var progress = new SynchronousProgress();
        var gateway = new FakeGateway
        {
            OnSend = (number, sent) => _ = number == 1 && sent > 20_000 ? throw FakeGateway.Broken() : 0,
        };
        await using BigFsClient client = gateway.Client();

        await client.UploadAsync("/a", new MemoryStream(Make.Bytes(50_000)), new UploadOptions { Progress = progress });

        Assert.That(progress.Values, Is.Ordered.And.Unique);
        Assert.That(progress.Values[^1], Is.EqualTo(50_000));
    }

    [Test]
    public async Task Cancelling_ends_the_upload_and_aborts_it()
    {
        var gateway = new FakeGateway();
        await using BigFsClient client = gateway.Client();
        using var cancel = new CancellationTokenSource();
        var source = new PipeLikeStream(Make.Bytes(9000), 1000)
        {
            OnRead = async (handedOut, token) =>
            {
                if (handedOut > 5000)
                {
                    await cancel.CancelAsync();
                    await Task.Delay(Timeout.Infinite, token);
                }
            },
        };

        Assert.That(
            async () => await client.UploadAsync("/a", source, cancellationToken: cancel.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(gateway.Aborted, Is.EqualTo(1));
        Assert.That(gateway.Files, Is.Empty);
    }

    [Test]
    public async Task A_writer_makes_its_file_at_its_commit_and_not_before()
    {
        var gateway = new FakeGateway();
        await using BigFsClient client = gateway.Client();
        byte[] content = Make.Bytes(50_000);
        await using (BigFsWriter given = await client.OpenWriteAsync("/given-up"))
        {
            await given.Content.WriteAsync(content);
        }

        await using BigFsWriter writer = await client.OpenWriteAsync("/a");
        await writer.Content.WriteAsync(content.AsMemory(0, 20_000));
        writer.Content.Write(content.AsSpan(20_000));
        Assert.That(gateway.Files, Is.Empty);

        UploadResult result = await writer.CommitAsync();

        Assert.That(result.File.Size, Is.EqualTo(content.Length));
        Assert.That(gateway.Files.Keys, Is.EquivalentTo(new BigFsPath[] { "/a" }));
        Assert.That(gateway.Files["/a"], Is.EqualTo(content));
    }

    [Test]
    public async Task A_writer_whose_gateway_broke_says_so_at_the_next_write_or_at_the_commit()
    {
        var gateway = new FakeGateway { OnSend = (_, sent) => _ = sent > 20_000 ? throw FakeGateway.Broken() : 0 };
        await using BigFsClient client = gateway.Client();
        await using BigFsWriter writer = await client.OpenWriteAsync("/a");

        BigFsException error = (await Assert.ThrowsAsync<BigFsException>(async () =>
        {
            for (int i = 0; i < 100; i++)
            {
                await writer.Content.WriteAsync(Make.Bytes(4096));
            }

            await writer.CommitAsync();
        }))!;

        Assert.That(error.Code, Is.EqualTo(BigFsErrorCode.Unavailable));
        Assert.That(gateway.Files, Is.Empty);
    }

    /// <summary>A source that can seek and whose reads after the first wait.</summary>
    private sealed class SlowSource(byte[] content, Task more) : MemoryStream(content)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Position > 4096)
            {
                await more.WaitAsync(cancellationToken);
            }

            return await base.ReadAsync(buffer[..Math.Min(4096, buffer.Length)], cancellationToken);
        }
    }
}
