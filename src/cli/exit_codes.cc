#include "cli/exit_codes.h"

namespace rehome::cli {

int ExitCodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
      return kExitUsage;
    case ErrorCode::kUnavailable:
    case ErrorCode::kUnauthenticated:
      return kExitUnreachable;
    case ErrorCode::kLeaseHeld:
      return kExitLeaseHeld;
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kAlreadyExists:
      return kExitRefused;
    case ErrorCode::kCancelled:
    case ErrorCode::kAborted:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kOutcomeUnknown:
      return kExitInterrupted;
    case ErrorCode::kTooManyQuarantined:
      return kExitQuarantine;
    case ErrorCode::kCheckFailed:
    case ErrorCode::kDataLoss:
      return kExitCheckFailed;
    case ErrorCode::kInternal:
      return kExitBug;
  }
  return kExitBug;
}

std::string_view ExitCodesHelp() {
  return "Exit codes, the first that applies of:\n"
         "  2   wrong usage, plan or named file\n"
         "  4   a store cannot be reached or refuses the credentials\n"
         "  7   another runner holds the lease\n"
         "  3   a precondition or gate refused\n"
         "  6   more documents quarantined than the plan allows\n"
         "  5   interrupted, write pause over budget, or out of retries: the same command resumes\n"
         "  1   a check failed\n"
         "  70  a bug in rehome\n"
         "  0   done, or already so\n";
}

}  // namespace rehome::cli
