using System.Diagnostics;

namespace BigFs.Core.Faults;

/// <summary>
/// Named places where a fault build kills its own process. In the product the calls are not even compiled:
/// <c>dotnet build -p:BigFsFaults=true</c> makes the fault build, in a folder of its own. <c>docs/failure-model.md</c>
/// lists the names.
/// </summary>
internal static class CrashPoint
{
    /// <summary>
    /// Ends the process by SIGKILL when this is the point, and the number of times it was reached, that the variable
    /// <c>BIGFS_CRASH_POINT=name[:n]</c> names (n from 1, default 1).
    /// </summary>
    /// <param name="name">The point's name, one of <c>CrashPoints.All</c>: part, dot, step.</param>
    [Conditional("BIGFS_FAULTS")]
    public static void Reach(string name)
    {
#if BIGFS_FAULTS
        CrashPoints.Reach(name);
#else
        _ = name;
#endif
    }
}
