"""Pure: values of the plan become the files that hosts get."""
