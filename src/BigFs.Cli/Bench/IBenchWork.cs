namespace BigFs.Cli.Bench;

/// <summary>One kind of measured operation.</summary>
internal interface IBenchWork
{
    /// <summary>Pieces of work that the plan comes to.</summary>
    int Pieces { get; }

    /// <summary>Gets a connection.</summary>
    Task ConnectAsync(CancellationToken cancellationToken);

    /// <summary>Does the piece of a number.</summary>
    /// <exception cref="BigFsException">It failed.</exception>
    Task<BenchOutcome> RunAsync(int number, CancellationToken cancellationToken);

    /// <summary>Does something like it, unmeasured, with a number that goes on and on; each caller one at least.</summary>
    Task WarmUpAsync(int number, CancellationToken cancellationToken);

    /// <summary>Removes what the warm-up made.</summary>
    Task CleanUpAsync(CancellationToken cancellationToken);
}
