namespace BigFs.Hosting.Tests.Metadata.Models;

/// <summary>What a step of a sequence does; the numbers of the step choose to what.</summary>
internal enum ModelAct
{
    Begin,
    Commit,
    CommitAgain,
    Abort,
    Renew,
    BeginShared,
    PutSmall,
    PutUnderSession,
    AbortSmall,
    MakeDirectory,
    Delete,
    Move,
    Copy,
    RenewRead,
    Find,
    List,
    Retry,
    ReuseId,
    ClockForward,
    ClockBack,
    Reopen,
}

/// <summary>One step of a sequence, as it was drawn.</summary>
/// <param name="Act">What it does.</param>
/// <param name="Path">To which path.</param>
/// <param name="Other">The other path, of those that want two.</param>
/// <param name="Flag">Overwrites, deletes recursively, and the like.</param>
/// <param name="Pick">Chooses among sessions, earlier calls, spans of time.</param>
/// <param name="Kind">Chooses the precondition.</param>
/// <param name="Size">Chooses how much is written, and how it is kept.</param>
internal sealed record ModelStep(ModelAct Act, BigFsPath Path, BigFsPath Other, bool Flag, int Pick, int Kind, int Size);
