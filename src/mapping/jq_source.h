#pragma once
// jq_source.h — what a jq program's text tells without running it: whether it uses something
// impure, and which fields of the document it plainly reads. It tokenises as jq 1.6 does (strings,
// interpolations, comments, formats), so a word inside a string or a field of that name is not
// mistaken for a call.
#include <string_view>
#include <vector>

#include "base/error.h"
#include "plan/plan.h"

namespace rehome {

/// kInvalidArgument if the program names anything whose answer depends on more than its input (env,
/// $ENV, now, input, inputs, input_filename, input_line_number, debug, stderr, halt, halt_error,
/// localtime, strflocaltime, …) or loads another file (import, include). A definition of the same
/// name does not excuse it.
[[nodiscard]] Status CheckJqIsPure(std::string_view program);

/// Paths that the program reads from its input for certain: `.a.b` and `.a[0]` where `.` is still
/// the document, which is before the first `|` of each bracket (`.x as $v |` keeps it) and outside
/// of calls' arguments. A path may be missing here, none is here that is not read.
[[nodiscard]] std::vector<FieldPath> PathsReadByJq(std::string_view program);

}  // namespace rehome
