namespace BigFs.Internal.Gateway;

/// <summary>
/// The tries of one upload through the gateway: how long they go on, and under which identity. While it is not known whether
/// a try made the file, the next one has the same identity, so that the cluster makes it once. Not thread-safe.
/// </summary>
internal sealed class GatewayTries(ClientContext context)
{
    /// <summary>How often the cluster may have ended an upload before that counts as a failure.</summary>
    private const int MostEnded = 3;

    private BackOff _backOff = new(context.Time, context.Settings.ConnectTimeout);
    private BigFsException? _last;
    private bool _mayStand;
    private int _ended;

    /// <summary>The identity of the next try.</summary>
    public Guid Operation { get; private set; } = Guid.CreateVersion7();

    /// <summary>The upload was begun: from now on it is worth the stall time-out.</summary>
    public void NoteAccepted()
    {
        if (_last is null)
        {
            _backOff = new BackOff(context.Time, context.Settings.StallTimeout);
        }
    }

    /// <summary>Notes why a try failed.</summary>
    /// <param name="failure">Why.</param>
    /// <param name="wasComplete">Whether the gateway may have had all of the content.</param>
    public void Note(BigFsException failure, bool wasComplete)
    {
        _last = failure;
        if (failure.Code == BigFsErrorCode.SessionExpired)
        {
            // The cluster has ended that identity: nothing stands, nor will.
            _ended++;
            _mayStand = false;
        }
        else
        {
            _mayStand |= wasComplete;
        }

        if (!_mayStand)
        {
            Operation = Guid.CreateVersion7();
        }
    }

    /// <summary>Waits before the next try; false when there is to be none.</summary>
    public async ValueTask<bool> MayGoOnAsync(CancellationToken cancellationToken) =>
        (_last!.Code == BigFsErrorCode.Unavailable || (_last.Code == BigFsErrorCode.SessionExpired && _ended <= MostEnded))
        && await _backOff.WaitAsync(elsewhere: false, cancellationToken).ConfigureAwait(false);

    /// <summary>The error when there is no further try.</summary>
    /// <param name="path">The file.</param>
    /// <param name="sourceIsPast">Whether that is because the source cannot be read again.</param>
    public BigFsException Failure(BigFsPath path, bool sourceIsPast = false)
    {
        string told = !_last!.IsTransient ? ""
            : _mayStand ? $" Whether \"{path}\" was stored is not known."
            : sourceIsPast ? $" The source of \"{path}\" cannot be read again; nothing was stored."
            : "";
        return new BigFsException(_last.Code, _last.Message + told, _last)
        {
            Path = path.ToString(),
            Endpoint = _last.Endpoint,
            Attempts = Math.Max(1, _backOff.Attempts),
        };
    }
}
