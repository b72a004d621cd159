using BigFs.Core.Control;

namespace BigFs.Hosting.Diagnostics;

/// <summary>What the roles of a process are asked when somebody wants to know whether they can work. Thread-safe once filled.</summary>
internal sealed class RoleProbes
{
    /// <summary>How long all answers together may take.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private readonly List<(ServiceRole Role, Func<CancellationToken, Task> Ask)> _probes = [];

    /// <summary>Adds a question; what it throws is the reason why the role is not ready.</summary>
    public void Add(ServiceRole role, Func<CancellationToken, Task> ask) => _probes.Add((role, ask));

    /// <summary>Asks all at once.</summary>
    public async Task<IReadOnlyList<BigFsRoleHealth>> AskAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        return await Task.WhenAll(_probes.Select(probe => AskAsync(probe.Role, probe.Ask, limit.Token))).ConfigureAwait(false);
    }

    private static async Task<BigFsRoleHealth> AskAsync(
        ServiceRole role, Func<CancellationToken, Task> ask, CancellationToken cancellationToken)
    {
        string reason = "";
        try
        {
            await ask(cancellationToken).ConfigureAwait(false);
        }
        catch (BigFsException failure)
        {
            reason = failure.Message.Split('\n')[0];
        }
        catch (OperationCanceledException)
        {
            reason = $"Whom it needs did not answer within {Limit.TotalSeconds:0} s.";
        }

        return new BigFsRoleHealth { Role = RoleNames.Name(role), IsReady = reason.Length == 0, Reason = reason };
    }
}
