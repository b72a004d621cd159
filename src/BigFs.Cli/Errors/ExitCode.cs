namespace BigFs.Cli.Errors;

/// <summary>What <c>bigfs</c> ends with; the table in docs/errors.md says when.</summary>
internal static class ExitCode
{
    public const int Ok = 0;
    public const int Other = 1;
    public const int Usage = 2;
    public const int Network = 3;
    public const int NotAllowed = 4;
    public const int NotFound = 5;
    public const int Conflict = 6;
    public const int PartFailed = 8;
    public const int Integrity = 9;
    public const int Interrupted = 130;

    /// <summary>The exit code of an error code: the one place that decides it.</summary>
    public static int Of(BigFsErrorCode code) => code switch
    {
        BigFsErrorCode.Internal or BigFsErrorCode.OutOfSpace => Other,
        BigFsErrorCode.InvalidPath or BigFsErrorCode.InvalidArgument or BigFsErrorCode.InvalidSettings
            or BigFsErrorCode.LimitExceeded or BigFsErrorCode.InvalidToken or BigFsErrorCode.InvalidPrecondition
            or BigFsErrorCode.DataReadOnly => Usage,
        BigFsErrorCode.Unavailable or BigFsErrorCode.TimedOut or BigFsErrorCode.NotEnoughNodes => Network,
        BigFsErrorCode.NotAllowed or BigFsErrorCode.Unauthenticated => NotAllowed,
        BigFsErrorCode.NotFound => NotFound,
        BigFsErrorCode.AlreadyExists or BigFsErrorCode.IsDirectory or BigFsErrorCode.NotDirectory
            or BigFsErrorCode.DirectoryNotEmpty or BigFsErrorCode.PreconditionFailed
            or BigFsErrorCode.VersionExpired or BigFsErrorCode.SessionExpired or BigFsErrorCode.AddressInUse
            or BigFsErrorCode.WrongCluster or BigFsErrorCode.DataInUse or BigFsErrorCode.DataTooNew
            or BigFsErrorCode.ChunkDeleted => Conflict,
        BigFsErrorCode.Damaged or BigFsErrorCode.DataUnreadable => Integrity,
        _ => Other,
    };
}
