#pragma once
// verbs.h — one function per verb, each in its own verb_NAME.cc: load the plan, open the stores,
// call the engine, print, return an exit code of exit_codes.h.
#include "cli/environment.h"
#include "cli/options.h"

namespace rehome::cli {

int RunVerb(const WelcomeOptions& options, CliEnvironment& environment);
int RunVerb(const InitOptions& options, CliEnvironment& environment);
int RunVerb(const LoadOptions& options, CliEnvironment& environment);
int RunVerb(const CheckOptions& options, CliEnvironment& environment);
int RunVerb(const PlanOptions& options, CliEnvironment& environment);
int RunVerb(const RunOptions& options, CliEnvironment& environment);
int RunVerb(const StatusOptions& options, CliEnvironment& environment);
int RunVerb(const VerifyOptions& options, CliEnvironment& environment);
int RunVerb(const RepairOptions& options, CliEnvironment& environment);
int RunVerb(const ReportOptions& options, CliEnvironment& environment);
int RunVerb(const QuarantineOptions& options, CliEnvironment& environment);
int RunVerb(const RollbackOptions& options, CliEnvironment& environment);
int RunVerb(const CutoverOptions& options, CliEnvironment& environment);
int RunVerb(const RevertOptions& options, CliEnvironment& environment);
int RunVerb(const RetireOptions& options, CliEnvironment& environment);
int RunVerb(const BackupOptions& options, CliEnvironment& environment);
int RunVerb(const VectorsOptions& options, CliEnvironment& environment);
int RunVerb(const ExplainOptions& options, CliEnvironment& environment);
int RunVerb(const RehearseOptions& options, CliEnvironment& environment);
int RunVerb(const TortureOptions& options, CliEnvironment& environment);
int RunVerb(const ServeOptions& options, CliEnvironment& environment);
int RunVerb(const DemoOptions& options, CliEnvironment& environment);

}  // namespace rehome::cli
