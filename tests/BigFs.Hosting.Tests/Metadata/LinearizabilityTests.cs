using BigFs.Core.Metadata;
using BigFs.Hosting.Tests.Metadata.Histories;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Metadata;

/// <summary>What the checker of histories takes for possible and what not.</summary>
[TestFixture]
internal sealed class LinearizabilityTests
{
    private static readonly BigFsPath File = "/f";

    private readonly ChunkLog _log = new(1);
    private History _history = new();

    [SetUp]
    public void Forget() => _history = new History();

    [Test]
    public void A_read_that_overlaps_a_write_may_see_it_or_not([Values] bool sees)
    {
        (HistoryEvent write, Answer wrote) = Write();
        HistoryEvent read = _history.Invoke(2, new FindCall(File));
        _history.Return(read, sees ? Saw(write, wrote) : Answer.Done);
        _history.Return(write, wrote);
        Expect(Linearizability.Holds);
    }

    [Test]
    public void A_read_after_an_acknowledged_write_sees_it([Values] bool sees)
    {
        (HistoryEvent write, Answer wrote) = Write();
        _history.Return(write, wrote);
        HistoryEvent read = _history.Invoke(2, new FindCall(File));
        _history.Return(read, sees ? Saw(write, wrote) : Answer.Done);
        Expect(sees ? Linearizability.Holds : Linearizability.Violated);
    }

    [Test]
    public void A_write_that_nobody_heard_of_may_take_effect_at_any_time_or_never([Values] bool ever)
    {
        (HistoryEvent write, Answer wrote) = Write();
        _history.Return(write, null);
        foreach (bool sees in (bool[])[false, false, ever])
        {
            HistoryEvent read = _history.Invoke(2, new FindCall(File));
            _history.Return(read, sees ? Saw(write, wrote) : Answer.Done);
        }

        Expect(Linearizability.Holds);
    }

    [Test]
    public void A_write_that_nobody_heard_of_takes_effect_once()
    {
        (HistoryEvent write, Answer wrote) = Write();
        _history.Return(write, null);
        foreach (bool sees in (bool[])[true, false, true])
        {
            HistoryEvent read = _history.Invoke(2, new FindCall(File));
            _history.Return(read, sees ? Saw(write, wrote) : Answer.Done);
        }

        Expect(Linearizability.Violated);
    }

    [Test]
    public void A_write_that_was_refused_takes_no_effect()
    {
        (HistoryEvent write, Answer wrote) = Write(Guid.NewGuid());
        _history.Return(write, new Answer { Refusal = BigFsErrorCode.SessionExpired });
        HistoryEvent read = _history.Invoke(2, new FindCall(File));
        _history.Return(read, Saw(write, wrote));
        Expect(Linearizability.Violated);
    }

    [Test]
    public void Of_two_writers_that_want_the_path_empty_one_wins()
    {
        for (int client = 1; client <= 2; client++)
        {
            (HistoryEvent write, Answer wrote) = Write(null, new Precondition(PreconditionKind.Absent, default));
            _history.Return(write, wrote);
        }

        Expect(Linearizability.Violated);
    }

    [Test]
    public void A_version_stays_what_it_was_first_seen_as()
    {
        (HistoryEvent write, Answer wrote) = Write();
        _history.Return(write, wrote);
        var other = new Answer { Entry = ((BigFsFile)wrote.Entry!) with { Version = new BigFsVersion(99) } };
        HistoryEvent read = _history.Invoke(2, new FindCall(File));
        _history.Return(read, Saw(write, other));
        Expect(Linearizability.Violated);
    }

    [Test]
    public void A_search_that_is_too_long_is_told_apart()
    {
        for (int i = 0; i < 12; i++)
        {
            Write();
        }

        _history.Return(_history.Invoke(9, new FindCall(File)), new Answer { Found = new MetadataEntry(new BigFsDirectory(), []) });
        Linearizability verdict = new LinearizabilityChecker(mostStates: 50).Check(
            _history.Events, NamespaceTree.Empty, out _, out string explanation);
        Assert.That(verdict, Is.EqualTo(Linearizability.Undecided), explanation);
    }

    private static Answer Saw(HistoryEvent write, Answer wrote)
    {
        FileBody body = ((PutCall)write.Call).Body;
        return new Answer { Found = new MetadataEntry(wrote.Entry!, body.Manifest) { Content = body.Content } };
    }

    private (HistoryEvent Write, Answer Wrote) Write(Guid? session = null, Precondition precondition = default)
    {
        FileBody body = _log.NewBody(1);
        var file = new BigFsFile
        {
            Path = File,
            Version = new BigFsVersion(body.Crc32C),
            Size = body.Size,
            Crc32C = body.Crc32C,
            Replicas = 2,
            ContentType = body.ContentType,
        };
        var put = new PutCall(File, precondition, body, session, IsUpload: session is not null);
        return (_history.Invoke(1, put), new Answer { Entry = file });
    }

    private void Expect(Linearizability verdict)
    {
        var checker = new LinearizabilityChecker();
        Assert.That(
            checker.Check(_history.Events, NamespaceTree.Empty, out _, out string explanation),
            Is.EqualTo(verdict),
            explanation);
    }
}
