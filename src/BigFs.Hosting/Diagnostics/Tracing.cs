using System.Diagnostics;

namespace BigFs.Hosting.Diagnostics;

/// <summary>Where the roles' own spans come from.</summary>
internal static class Tracing
{
    public static readonly ActivitySource Source = new("BigFs");
}
