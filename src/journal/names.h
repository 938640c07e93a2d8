#pragma once
// names.h — the journal's collections in the target document store. docs/journal.md describes their
// documents.
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rehome::journal {

inline constexpr std::string_view kPrefix = "rehome_";
inline constexpr std::string_view kLeases = "rehome_leases";
inline constexpr std::string_view kRuns = "rehome_runs";
inline constexpr std::string_view kRanges = "rehome_ranges";
inline constexpr std::string_view kIntents = "rehome_intents";
inline constexpr std::string_view kQuarantine = "rehome_quarantine";
inline constexpr std::string_view kQuarantineDocuments = "rehome_quarantine_documents";
inline constexpr std::string_view kSaved = "rehome_saved";
inline constexpr std::string_view kSavedDocuments = "rehome_saved_documents";
inline constexpr std::string_view kAudit = "rehome_audit";

/// Of records that are asked for by a value: bounded by what the value names, not by a number.
inline constexpr std::size_t kNoLimit = SIZE_MAX;

}  // namespace rehome::journal
