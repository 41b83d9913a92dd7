"""From a spec to what is to run where. Pure: values in, values out."""
