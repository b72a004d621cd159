using System.Diagnostics;

namespace BigFs.Core.Faults;

/// <summary>Named places at which a build made for fault tests can end the process; the product has no trace of them.</summary>
internal static class CrashPoint
{
    /// <summary>Says that the place has been reached.</summary>
    /// <param name="name">Its name, <c>part.step</c>.</param>
    [Conditional("BIGFS_FAULTS")]
    public static void Reach(string name)
    {
        // Nothing is listening yet.
    }
}
