using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace BigFs.Hosting.Telemetry;

/// <summary>
/// The sources of what this process can be observed by, both called "BigFs" (docs/telemetry.md). Without a listener they cost
/// nothing. No tag ever holds a path or anything else that users chose.
/// </summary>
internal static class BigFsTelemetry
{
    /// <summary>The name of meter and activity source.</summary>
    public const string Name = "BigFs";

    /// <summary>The outcome of what succeeded.</summary>
    public const string Ok = "Ok";

    /// <summary>Makes activities.</summary>
    public static ActivitySource Activities { get; } = new(Name);

    /// <summary>Makes instruments.</summary>
    public static Meter Meter { get; } = new(Name);

    /// <summary>How an operation ended that threw: the code of an expected failure, else whose doing it was.</summary>
    public static string OutcomeOf(Exception error) => error switch
    {
        BigFsException expected => expected.Code.ToString(),
        OperationCanceledException => "Canceled",
        _ => "Fault",
    };

    /// <summary>Notes the outcome on an activity; what is nobody's fault is no error there.</summary>
    public static void End(Activity? activity, string outcome)
    {
        if (activity is null)
        {
            return;
        }

        activity.SetTag("bigfs.outcome", outcome);
        if (outcome is "Fault" or nameof(BigFsErrorCode.Internal) or nameof(BigFsErrorCode.Unavailable) or nameof(BigFsErrorCode.DataUnreadable))
        {
            activity.SetStatus(ActivityStatusCode.Error, outcome);
        }
    }
}
