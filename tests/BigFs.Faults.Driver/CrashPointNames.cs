namespace BigFs.Faults.Driver;

/// <summary>The crash points of this build.</summary>
internal static class CrashPointNames
{
    public static void Print()
    {
#if BIGFS_FAULTS
        foreach (string name in BigFs.Core.Faults.CrashPoints.All)
        {
            Console.WriteLine(name);
        }
#endif
    }
}
