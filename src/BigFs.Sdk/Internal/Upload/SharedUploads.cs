namespace BigFs.Internal.Upload;

/// <summary>
/// The sessions that one client's small files share: one for each number of replicas that is asked for, begun when it is
/// first needed and again after its end. Thread-safe.
/// </summary>
internal sealed class SharedUploads(ClientContext context) : IAsyncDisposable
{
    /// <summary>Grants that come with a session: what does not follow costs next to nothing.</summary>
    private const int FirstGrants = 4;

    private readonly Lock _gate = new();
    private readonly Dictionary<int, Task<SharedUpload>> _current = [];
    private readonly List<SharedUpload> _all = [];
    private bool _disposed;

    /// <summary>An open session, entered by the caller, who leaves it.</summary>
    /// <param name="path">The file, for errors.</param>
    /// <param name="replicas">As asked for; 0 for the cluster's default.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="BigFsException">As <see cref="Core.Control.IFileServer.BeginSharedAsync"/>.</exception>
    public async ValueTask<SharedUpload> EnterAsync(BigFsPath path, int replicas, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task<SharedUpload> current;
            lock (_gate)
            {
                if (!_current.TryGetValue(replicas, out current!) || !IsUsable(current))
                {
                    ObjectDisposedException.ThrowIf(_disposed, typeof(BigFsClient));
                    current = _current[replicas] = BeginAsync(replicas);

                    // Whoever asked may have gone by then.
                    _ = ((Task)current).EndAsync().AsTask();
                }
            }

            try
            {
                SharedUpload session = current.IsCompletedSuccessfully
                    ? current.Result
                    : await current.WaitAsync(cancellationToken).ConfigureAwait(false);
                if (session.TryEnter())
                {
                    return session;
                }
            }
            catch (BigFsException exception)
            {
                // Begun for whoever asks: each caller is told of its own file.
                throw new BigFsException(exception.Code, exception.Message, exception)
                {
                    Path = path.ToString(),
                    Endpoint = exception.Endpoint,
                    Attempts = exception.Attempts,
                };
            }
        }
    }

    /// <summary>Forgets the sessions; those left open end by themselves.</summary>
    public async ValueTask DisposeAsync()
    {
        SharedUpload[] all;
        Task<SharedUpload>[] current;
        lock (_gate)
        {
            _disposed = true;
            current = [.. _current.Values];
        }

        foreach (Task<SharedUpload> beginning in current)
        {
            await ((Task)beginning).EndAsync().ConfigureAwait(false);
        }

        lock (_gate)
        {
            all = [.. _all];
        }

        foreach (SharedUpload session in all)
        {
            await session.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static bool IsUsable(Task<SharedUpload> current) =>
        !current.IsCompleted || (current.IsCompletedSuccessfully && !current.Result.IsOver);

    private async Task<SharedUpload> BeginAsync(int replicas)
    {
        // Not under the lock of the one who asks first.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        SharedUpload session = await SharedUpload.BeginAsync(context, replicas, FirstGrants).ConfigureAwait(false);
        SharedUpload[] ended;
        lock (_gate)
        {
            ended = [.. _all.Where(one => one.HasEnded)];
            _all.RemoveAll(one => one.HasEnded);
            _all.Add(session);
        }

        foreach (SharedUpload one in ended)
        {
            await one.DisposeAsync().ConfigureAwait(false);
        }

        return session;
    }
}
