using System.Globalization;
using BigFs.Faults.Driver;

// A process that works on a volume store until it is done or killed, and says what it tries and what was acknowledged; or
// one that serves metadata to clients outside of it:
//   load DIRECTORY SEED RUN OPERATIONS    a seeded load
//   create DIRECTORY COUNT                new volumes, one after the other
//   cycle DIRECTORY TIMES                 opens and closes the store, counting open descriptors
//   serve DIRECTORY AHEAD SESSION         a metadata server; its clock's lead and a session's life, both in milliseconds
//   serve-postgres CONNECTION SESSION     the same on PostgreSQL, by Npgsql's connection string
//   backup DIRECTORY FILE                 copies a metadata database into a backup
//   restore FILE DIRECTORY                restores the metadata of a backup
//   points                                the names of the crash points of this build; none in the product
long Number(int at) => long.Parse(args[at], CultureInfo.InvariantCulture);

switch (args.FirstOrDefault())
{
    case "load":
        await new Load(args[1], (int)Number(2), Number(3), (int)Number(4)).RunAsync();
        return 0;
    case "create":
        await Creations.RunAsync(args[1], (int)Number(2));
        return 0;
    case "cycle":
        await Cycles.RunAsync(args[1], (int)Number(2));
        return 0;
    case "serve":
        await MetadataServing.RunAsync(
            args[1], TimeSpan.FromMilliseconds(Number(2)), TimeSpan.FromMilliseconds(Number(3)));
        return 0;
    case "serve-postgres":
        await MetadataServing.RunOnPostgresAsync(args[1], TimeSpan.FromMilliseconds(Number(2)));
        return 0;
    case "backup":
        await Backups.BackupAsync(args[1], args[2]);
        return 0;
    case "restore":
        await Backups.RestoreAsync(args[1], args[2]);
        return 0;
    case "points":
        CrashPointNames.Print();
        return 0;
    default:
        Console.Error.WriteLine("load, create, cycle, serve, serve-postgres, backup, restore or points");
        return 2;
}
