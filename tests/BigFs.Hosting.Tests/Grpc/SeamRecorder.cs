using System.Reflection;

namespace BigFs.Hosting.Tests.Grpc;

/// <summary>Stands for a role: notes what it is called with and answers with a sample.</summary>
internal class SeamRecorder : DispatchProxy
{
    private static readonly MethodInfo Wrapper =
        typeof(SeamRecorder).GetMethod(nameof(Wrap), BindingFlags.NonPublic | BindingFlags.Static)!;

    public Func<MethodInfo, object?> Answer { get; set; } = _ => null;

    public MethodInfo? Called { get; private set; }

    public object?[] Arguments { get; private set; } = [];

    public static (TSeam Seam, SeamRecorder Recorder) Create<TSeam>()
        where TSeam : class
    {
        TSeam seam = Create<TSeam, SeamRecorder>();
        return (seam, (SeamRecorder)(object)seam);
    }

    /// <summary>What a method's task gives; null when it gives nothing.</summary>
    public static Type? ResultOf(MethodInfo method) =>
        method.ReturnType.IsGenericType ? method.ReturnType.GetGenericArguments()[0] : null;

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        Called = targetMethod;
        Arguments = args![..^1];
        object? answer = Answer(targetMethod!);
        return ResultOf(targetMethod!) is { } result
            ? Wrapper.MakeGenericMethod(result).Invoke(null, [answer])
            : ValueTask.CompletedTask;
    }

    private static ValueTask<T> Wrap<T>(object? value) => new((T)value!);
}
