"""From trained nets to int8 TFLite files with their contracts."""
